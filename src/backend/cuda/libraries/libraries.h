// NVIDIA's libraries, where they are installed: more ways to compute products and convolutions, for
// the tuner to choose from. They are loaded when it measures, or has chosen one of theirs before.
#pragma once

#include <memory>
#include <vector>

#include "backend/cuda/gemm.h"

namespace drypoint::cuda {

/// A product as a library computes it.
class LibraryGemm {
 public:
  virtual ~LibraryGemm() = default;
  virtual size_t workspace() const = 0;
  /// Orders product [groups * pictures * rows, columns] = x times the packed weight, all of one
  /// type, for each picture's share of a group's rows by itself. Throws unsupported if the library
  /// refuses.
  virtual void run(const void* x, const void* weight, void* product, void* workspace) const = 0;
};
using LibraryGemms = std::vector<std::shared_ptr<const LibraryGemm>>;

/// The ways that the library thinks best for one picture's shape, the best first; none where it is
/// missing. Throws unsupported for a product of which it knows nothing.
/// cuBLASLt computes plain products, cuDNN those of pictures' windows.
LibraryGemms cublas_lt_gemms(const GemmShape& shape, int64_t pictures, DType dtype,
                             const Context& context);
LibraryGemms cudnn_gemms(const GemmShape& shape, int64_t pictures, DType dtype,
                         const Context& context);

}  // namespace drypoint::cuda

// Where pictures are drawn: a processor or a GPU, which models share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "drypoint/precision.h"

namespace drypoint {

struct DeviceOptions {
  /// "cuda", "cuda:1", "cpu", "reference" (slow, for checking), or "auto": a GPU where there is
  /// one.
  std::string device = "auto";
  int threads = 0;  ///< of the host; 0: all cores that this process may use
  Precision precision;
  /// In MiB, of the device (0: as much as there is): what weights and activations may take at once.
  /// A picture's text encoder, denoiser and VAE take turns then, and their weights make room where
  /// needed, to be read again for the next picture; the VAE works in tiles where it would not fit.
  /// What does not fit is told before anything is drawn.
  int max_memory = 0;
  // For GPUs:
  bool graphs = true;   ///< each step as one CUDA graph rather than kernel by kernel
  int aux_streams = 0;  ///< 0 to 7: beside the main one, for work that need not wait for its turn
  int level = 0;        ///< of tuning: 0 takes the defaults, 5 times all that the cache lacks
  std::filesystem::path tuning_cache;  ///< file of measured choices, read and added to; empty: none
};

class OpenDevice;  // the library's own

/// A device with its threads, its streams and its choices among kernels. A copy is the same
/// device; it ends with the last copy and the last model on it. For any number of threads.
class Device {
 public:
  /// Throws bad_argument, unsupported (no such device, or not in this precision).
  explicit Device(const DeviceOptions& options);

  std::string name() const;  ///< "cpu", "cuda:0 (NVIDIA H100 80GB HBM3, fp16)"
  int threads() const;       ///< of the host that work for it
  /// Bytes that can still be allocated there, as far as the system tells.
  size_t available_memory() const;

 private:
  friend class Model;
  explicit Device(std::shared_ptr<OpenDevice> open) : open_(std::move(open)) {}
  std::shared_ptr<OpenDevice> open_;
};

}  // namespace drypoint

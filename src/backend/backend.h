// All that a device must offer: memory, and a kernel for each operation.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ops/ops.h"

namespace drypoint {

/// What a kernel is asked for. `constant[i]` tells that input i is a weight, known before the
/// kernel runs, which the kernel may want packed.
struct KernelRequest {
  const Op& op;
  std::vector<TensorType> inputs;
  TensorType output;
  std::vector<bool> constant;
  std::string module;  // for messages and profiles
};

/// How a kernel wants a weight. Weights with the same `format` are packed once and shared, whatever
/// the picture's size.
struct Packing {
  std::string format;  // names the layout, e.g. "dnnl:OIhw16i16o"
  size_t bytes = 0;
  std::function<void(const Tensor& weight, std::byte* packed)> pack;
};

/// One execution. Inputs that have a packing are packed; the output may be the memory of the
/// operation's in-place input (see `in_place_input`).
struct Launch {
  std::span<const void* const> inputs;
  void* output = nullptr;
  void* workspace = nullptr;  // of workspace() bytes, 64-byte aligned

  const float* f32(size_t input) const { return static_cast<const float*>(inputs[input]); }
  const int32_t* i32(size_t input) const { return static_cast<const int32_t*>(inputs[input]); }
  float* out() const { return static_cast<float*>(output); }
};

/// One operation at fixed shapes, ready to run. Running changes nothing in the kernel itself.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::optional<Packing> packing(size_t /*input*/) const { return std::nullopt; }
  virtual size_t workspace() const { return 0; }
  virtual void run(const Launch& launch) const = 0;
};

using DeviceMemory = std::shared_ptr<std::byte>;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// Host threads that its kernels use.
  virtual int threads() const = 0;
  /// Throws unsupported naming operation, dtype and device if there is no such kernel.
  virtual std::unique_ptr<Kernel> kernel(const KernelRequest& request) const = 0;
  /// 64-byte aligned memory on the device. Throws out_of_memory.
  virtual DeviceMemory allocate(size_t bytes) const;
  /// Bytes that can still be allocated, as far as the system tells.
  virtual size_t available_memory() const;

 private:
  /// Outlives the backend, as what it allocated may.
  std::shared_ptr<std::atomic<size_t>> allocated_ = std::make_shared<std::atomic<size_t>>(0);
};

/// The slow one that tests trust: plain loops in float32 with float64 sums.
std::unique_ptr<Backend> make_reference_backend();
/// oneDNN and our own vector code. `threads` 0: all cores this process may use.
std::unique_ptr<Backend> make_cpu_backend(int threads);

}  // namespace drypoint

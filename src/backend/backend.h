// All that a device must offer: memory, and a kernel for each operation.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "backend/weight_rows.h"
#include "drypoint/plan_info.h"
#include "ops/ops.h"
#include "ops/target.h"

namespace drypoint {

/// What a kernel is asked for. `constant[i]` tells that input i is a weight, known before the
/// kernel runs, which the kernel may want packed.
///
/// Whatever a picture is computed beside, it comes out the same to the bit: which sums a kernel
/// makes, and in which order, follows from the shapes that one of the `pictures` has alone.
struct KernelRequest {
  const Op& op;
  std::vector<TensorType> inputs;
  TensorType output;
  std::vector<bool> constant;
  std::string module;    // for messages and profiles
  int stream = 0;        // that it will run on
  int64_t pictures = 1;  // that share the result's rows, and those of inputs with as many
};

/// How a kernel wants a weight. Weights with the same `format` are packed once and shared, whatever
/// the picture's size.
struct Packing {
  std::string format;  // names the layout, e.g. "winograd:o32i9"
  size_t bytes = 0;
  /// The weight's rows fall into this many equal shares that are packed alone, one after the other.
  /// `pack` takes all of them or one.
  int shares = 1;
  std::function<void(const WeightRows& weight, std::byte* packed)> pack;
};

/// One execution. Inputs that have a packing are packed; the output may be the memory of the
/// operation's in-place input (see `in_place_input`).
struct Launch {
  std::span<const void* const> inputs;
  void* output = nullptr;
  void* workspace = nullptr;  // of workspace() bytes, 64-byte aligned

  const float* f32(size_t input) const { return static_cast<const float*>(inputs[input]); }
  const uint8_t* u8(size_t input) const { return static_cast<const uint8_t*>(inputs[input]); }
  const int32_t* i32(size_t input) const { return static_cast<const int32_t*>(inputs[input]); }
  float* out() const { return static_cast<float*>(output); }
};

/// One operation at fixed shapes, ready to run. Running changes nothing in the kernel itself. On a
/// device with streams of its own, `run` returns when the work is enqueued.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::optional<Packing> packing(size_t /*input*/) const { return std::nullopt; }
  virtual size_t workspace() const { return 0; }
  /// Which of several ways of computing the same it is: "winograd 4x4", "64x256x4/2". Empty where
  /// there is but one.
  virtual std::string description() const { return {}; }
  /// All those ways that can be chosen here, by the same names.
  virtual std::vector<std::string> alternatives() const { return {}; }
  virtual void run(const Launch& launch) const = 0;
};

using DeviceMemory = std::shared_ptr<std::byte>;

/// Memory whose contents are on their way.
struct Incoming {
  DeviceMemory memory;
  std::shared_future<void> arrived;  // throws what went wrong
};

/// Launches that a device has captured, to be enqueued again as one.
class CapturedGraph {
 public:
  virtual ~CapturedGraph() = default;
  virtual void launch() const = 0;
};

/// A point in a stream's work.
class Event {
 public:
  virtual ~Event() = default;
  virtual void wait() const = 0;  // until all work enqueued before is done
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// Host threads that its kernels use.
  virtual int threads() const = 0;
  /// Throws unsupported naming operation, dtype and device if there is no such kernel.
  virtual std::unique_ptr<Kernel> kernel(const KernelRequest& request) const = 0;
  /// What packed weights hold for.
  virtual PlanDevice identity() const = 0;
  /// Whether the packing that kernels want may differ from one picture size to another.
  virtual bool packing_depends_on_size() const { return false; }
  /// The choices among equal kernels made so far, as JSON, empty if there are none, and those to be
  /// made again in place of any taken before. Throws bad_file, `source` in front.
  virtual std::string choices() const { return {}; }
  virtual void take_choices(const std::string& /*json*/, const std::string& /*source*/) {}
  /// What people should know of the kernels made so far, e.g. that a choice cannot be made here.
  virtual std::vector<std::string> notices() const { return {}; }
  /// What the compiler may make of a graph for this device.
  virtual Target target() const { return {}; }
  /// 64-byte aligned memory on the device. Throws out_of_memory.
  virtual DeviceMemory allocate(size_t bytes) const;
  /// Bytes that can still be allocated, as far as the system tells.
  virtual size_t available_memory() const;
  /// Gives the system what was allocated and given back, where that is held for the next who asks.
  virtual void trim() const {}
  /// The part of a mapped file, 64-byte aligned, in the device's memory: where that is the host's,
  /// the mapped pages themselves, which are read-only. Returns at once; several threads read the
  /// file and call `check` with each piece of it. `keeper` keeps the file mapped.
  virtual Incoming load(std::span<const std::byte> mapped, std::shared_ptr<const void> keeper,
                        std::function<void(std::span<const std::byte>)> check) const;

  // What follows has its meaning for a device with memory and streams of its own. The defaults
  // serve one that has neither: the host. Where nothing else is said, the stream is 0; others, as
  // many as the target has, run beside it.

  virtual bool shares_host_memory() const { return true; }
  /// Enqueued; `host` may be reused at once.
  virtual void upload(std::byte* device, std::span<const std::byte> host) const;
  /// Enqueued and waited for. Throws device_failure if any of the work before failed.
  virtual void download(std::span<std::byte> host, const std::byte* device) const;
  /// Host memory that the device reads by itself, or any where there is no such.
  virtual DeviceMemory allocate_pinned(size_t bytes) const { return Backend::allocate(bytes); }
  /// Enqueued; `host`, from `allocate_pinned`, must stay as it is until the work is done.
  virtual void upload_pinned(std::byte* device, std::span<const std::byte> host) const {
    upload(device, host);
  }
  /// a [m, k], b [n, k] -> a b' [m, n] in `result`, all in host memory, row by row, and computed in
  /// f32. False, and nothing done, where the host had better do it. For several threads.
  virtual bool multiply(std::span<const float> /*a*/, std::span<const float> /*b*/, int64_t /*k*/,
                        std::span<float> /*result*/) const {
    return false;
  }
  /// Captures what `launches` enqueues, on streams that start with what stream 0 has enqueued and
  /// that it waits for in the end; null if the device has no use for that.
  virtual std::unique_ptr<CapturedGraph> capture(const std::function<void()>& /*launches*/) const {
    return nullptr;
  }
  /// Null if all work enqueued so far is done.
  virtual std::unique_ptr<Event> record_event(int /*stream*/) const { return nullptr; }
  /// What is enqueued on a stream from now on waits for the event, in a captured graph or outside
  /// as the event was recorded.
  virtual void wait(int /*stream*/, const Event& /*event*/) const {}

 private:
  /// Outlives the backend, as what it allocated may.
  std::shared_ptr<std::atomic<size_t>> allocated_ = std::make_shared<std::atomic<size_t>>(0);
};

/// How much of a file `Backend::load` takes at once.
inline constexpr size_t load_piece = 4 << 20;

/// The slow one that tests trust: plain loops in float32 with float64 sums.
std::unique_ptr<Backend> make_reference_backend();
Target reference_target();
/// Vector code for the instruction set found. `threads` 0: all cores this process may use.
/// `factors` of products with weights: f32 or bf16.
std::unique_ptr<Backend> make_cpu_backend(int threads, DType factors = DType::f32);
Target cpu_target(DType factors = DType::f32);

struct CudaOptions {
  int device = 0;
  DType precision = DType::f16;  // f16, bf16 or f32
  bool tf32 = false;             // f32 products in the tensor units' short form
  bool graphs = true;            // sections of a plan as CUDA graphs
  int aux_streams = 0;           // beside the main one
  int level = 0;             // of tuning: 0 takes the defaults, 5 times all that the cache lacks
  std::string tuning_cache;  // file of measured choices; empty: none
};
/// NVIDIA GPUs, from a shared library that is loaded now. Throws unsupported where this build, the
/// driver or the device is missing.
std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options);
/// What such a backend's target is, whether one can be made here or not.
Target cuda_target(const CudaOptions& options);

}  // namespace drypoint

// The backend for NVIDIA GPUs.
#include <fmt/format.h>
#include <nvtx3/nvToolsExt.h>

#include <array>
#include <mutex>

#include "backend/cuda/chip.h"
#include "backend/cuda/graph.h"
#include "backend/cuda/instruments.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/memory_pool.h"
#include "backend/cuda/pinned_copies.h"
#include "backend/cuda/staging.h"
#include "backend/cuda/tuner.h"
#include "backend/cuda_entry.h"
#include "hash/interface_hash.h"
#include "hash/packing_hash.h"

namespace drypoint {
namespace cuda {

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that is no longer there for the next call
  fail(status == cudaErrorMemoryAllocation ? ErrorKind::out_of_memory : ErrorKind::device_failure,
       "device cuda: {} ({})", cudaGetErrorString(status), call);
}

namespace {

class StreamEvent : public Event {
 public:
  explicit StreamEvent(cudaStream_t stream) {
    DRYPOINT_CUDA(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming));
    const cudaError_t status = cudaEventRecord(event_, stream);
    if (status != cudaSuccess) cudaEventDestroy(event_);
    check(status, "cudaEventRecord");
  }
  ~StreamEvent() override { cudaEventDestroy(event_); }
  void wait() const override { DRYPOINT_CUDA(cudaEventSynchronize(event_)); }
  void hold(cudaStream_t stream) const { DRYPOINT_CUDA(cudaStreamWaitEvent(stream, event_)); }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Why no GPU can be found.
std::string no_device(cudaError_t status) {
  int driver = 0;
  cudaDriverGetVersion(&driver);  // the newest CUDA that the driver knows: 13000 for 13.0
  if (status != cudaErrorInsufficientDriver) return cudaGetErrorString(status);
  if (driver == 0) return "found no NVIDIA driver (libcuda.so.1)";
  return fmt::format("the NVIDIA driver is for CUDA {}.{}, expected {}.0 or later", driver / 1000,
                     driver % 1000 / 10, CUDART_VERSION / 1000);
}

/// Shows under its module's name in profilers. Only launches outside a graph can be told apart.
class NamedKernel : public Kernel {
 public:
  NamedKernel(KernelPtr kernel, std::string name)
      : kernel_(std::move(kernel)), name_(std::move(name)) {}
  std::optional<Packing> packing(size_t input) const override { return kernel_->packing(input); }
  size_t workspace() const override { return kernel_->workspace(); }
  std::string description() const override { return kernel_->description(); }
  void run(const Launch& launch) const override {
    nvtxRangePushA(name_.c_str());
    const struct Pop {
      ~Pop() { nvtxRangePop(); }
    } pop;
    kernel_->run(launch);
  }

 private:
  KernelPtr kernel_;
  std::string name_;
};

/// As the options name it.
std::string precision_name(const auto& options) {
  if (options.precision == DType::f16) return "fp16";
  if (options.precision == DType::bf16) return "bf16";
  return options.tf32 ? "tf32" : "fp32";
}

/// Of a device that is here.
Context context_of(const CudaOptions& options) {
  int devices = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&devices); status != cudaSuccess)
    fail(ErrorKind::unsupported, "device cuda: {}", no_device(status));
  if (options.device < 0 || options.device >= devices)
    fail(ErrorKind::unsupported, "device cuda: there is no GPU {}, expected 0 to {}",
         options.device, devices - 1);
  Context context;
  context.device = options.device;
  DRYPOINT_CUDA(cudaSetDevice(options.device));
  DRYPOINT_CUDA(cudaGetDeviceProperties(&context.properties, options.device));
  const auto& p = context.properties;
  if (p.major * 10 + p.minor < 75)
    fail(ErrorKind::unsupported,
         "device cuda: {} has compute capability {}.{}, expected 7.5 or later", p.name, p.major,
         p.minor);
  context.code = code_for();
  return context;
}

class CudaBackend : public Backend {
 public:
  CudaBackend(const CudaOptions& options, Context context) : graphs_(options.graphs) {
    const auto& p = context.properties;
    if (!context.multiplies(options.precision))
      fail(ErrorKind::unsupported,
           "precision: \"{}\" on device cuda: {} runs code for compute capability 7.5, expected "
           "fp16",
           precision_name(options), p.name);
    context.hopper = context.code == CodeFor::hopper && p.major == 9 && p.minor == 0;
    context.has_clusters = context.code >= CodeFor::clusters;
    context.precision = options.precision;
    context.tf32 = options.tf32;
    context.tuner = std::make_shared<Tuner>(
        options.level, options.tuning_cache,
        fmt::format("{}, {} multiprocessors", p.name, p.multiProcessorCount),
        context.hopper && p.multiProcessorCount == 132);
    streams_.assign(1 + options.aux_streams, context);
    if (!is_here(context)) return;
    for (Context& stream : streams_) {
      DRYPOINT_CUDA(cudaStreamCreateWithFlags(&stream.stream, cudaStreamNonBlocking));
      constexpr size_t bytes = (most_tickets + most_barriers) * sizeof(int);
      int* tickets = nullptr;
      DRYPOINT_CUDA(cudaMalloc(&tickets, bytes));
      stream.tickets = {tickets, [](int* p) { cudaFree(p); }};
      DRYPOINT_CUDA(cudaMemsetAsync(tickets, 0, bytes, stream.stream));
    }
    pool_ = std::make_shared<MemoryPool>(context.device, streams_.front().stream);
  }
  ~CudaBackend() override {
    if (!is_here(context())) return;
    for (const Context& stream : streams_) cudaStreamSynchronize(stream.stream);
    pool_->forget_stream();
    for (const Context& stream : streams_) cudaStreamDestroy(stream.stream);
  }

  std::string name() const override {
    const auto& p = context().properties;
    return fmt::format("cuda:{} ({}, {})",
                       is_here(context()) ? std::to_string(context().device)
                                          : fmt::format("{}.{}", p.major, p.minor),
                       p.name, context().tf32 ? "tf32" : drypoint::name(context().precision));
  }
  int threads() const override { return 1; }
  PlanDevice identity() const override {
    const auto& p = context().properties;
    return {"cuda", fmt::format("compute capability {}.{}", p.major, p.minor), p.name,
            precision_name(context()), packing_hash};
  }
  std::string choices() const override { return context().tuner->taken(); }
  void take_choices(const std::string& json, const std::string& source) override {
    context().tuner->take(json, source);
  }
  std::vector<std::string> notices() const override { return context().tuner->notices(); }
  Target target() const override {
    Target target = cuda_target(
        {.precision = context().precision, .aux_streams = static_cast<int>(streams_.size()) - 1});
    std::erase_if(target.eight_bits, [&](DType type) { return !context().has_eight_bits(type); });
    return target;
  }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    if (is_here(context())) DRYPOINT_CUDA(cudaSetDevice(context().device));
    KernelPtr kernel = std::visit(
        [&](const auto& op) { return cuda::make(op, request, streams_[request.stream]); },
        request.op);
    if (graphs_) return kernel;
    return std::make_unique<NamedKernel>(
        std::move(kernel),
        request.module.empty() ? std::string(drypoint::name(request.op)) : request.module);
  }

  /// Of the main stream.
  const Context& context() const { return streams_.front(); }

  DeviceMemory allocate(size_t bytes) const override {
    if (bytes == 0) return nullptr;
    DRYPOINT_CUDA(cudaSetDevice(context().device));
    DeviceMemory memory = pool_->allocate(bytes);
    if (!memory)
      fail(ErrorKind::out_of_memory, "{} MiB needed on the GPU, {} MiB available", bytes >> 20,
           available_memory() >> 20);
    return memory;
  }

  size_t available_memory() const override {
    size_t available = 0, all = 0;
    DRYPOINT_CUDA(cudaSetDevice(context().device));
    DRYPOINT_CUDA(cudaMemGetInfo(&available, &all));
    return available + pool_->idle();
  }

  void trim() const override {
    DRYPOINT_CUDA(cudaSetDevice(context().device));
    pool_->trim();
  }

  bool shares_host_memory() const override { return false; }

  void upload(std::byte* device, std::span<const std::byte> host) const override {
    DRYPOINT_CUDA(cudaSetDevice(context().device));  // several threads may upload
    copies_.upload(context().stream, device, host);
  }

  void download(std::span<std::byte> host, const std::byte* device) const override {
    DRYPOINT_CUDA(cudaSetDevice(context().device));
    copies_.download(context().stream, host, device);
  }

  DeviceMemory allocate_pinned(size_t bytes) const override {
    void* block = nullptr;
    if (bytes == 0 || cudaHostAlloc(&block, bytes, 0) != cudaSuccess) {
      cudaGetLastError();
      return Backend::allocate_pinned(bytes);
    }
    return {static_cast<std::byte*>(block), [](std::byte* p) { cudaFreeHost(p); }};
  }

  void upload_pinned(std::byte* device, std::span<const std::byte> host) const override {
    DRYPOINT_CUDA(cudaSetDevice(context().device));
    DRYPOINT_CUDA(cudaMemcpyAsync(device, host.data(), host.size(), cudaMemcpyHostToDevice,
                                  context().stream));
  }

  bool multiply(std::span<const float> a, std::span<const float> b, int64_t k,
                std::span<float> result) const override {
    constexpr double worth_copying = 1 << 28;
    if (!context().multiplies(DType::f32) ||
        static_cast<double>(result.size()) * static_cast<double>(k) < worth_copying)
      return false;
    try {
      multiply_on_device(a, b, k, result);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::out_of_memory) throw;
      return false;
    }
    return true;
  }

  std::unique_ptr<CapturedGraph> capture(const std::function<void()>& launches) const override {
    if (!graphs_) return nullptr;
    return std::make_unique<Graph>(context().stream, launches);
  }

  std::unique_ptr<Event> record_event(int stream) const override {
    return std::make_unique<StreamEvent>(streams_[stream].stream);
  }

  void wait(int stream, const Event& event) const override {
    dynamic_cast<const StreamEvent&>(event).hold(streams_[stream].stream);
  }

  Incoming load(std::span<const std::byte> mapped, std::shared_ptr<const void> keeper,
                std::function<void(std::span<const std::byte>)> check) const override {
    const DeviceMemory memory = allocate(mapped.size());
    DRYPOINT_CUDA(cudaStreamSynchronize(context().stream));  // others read into it
    const auto read = [=, device = context().device, keeper = std::move(keeper),
                       check = std::move(check)] {
      load_through_staging(device, mapped, memory.get(), check);
    };
    return {memory, std::async(std::launch::async, read).share()};
  }

 private:
  /// Nothing is measured for it, and all bits of both factors count.
  KernelPtr exact_gemm(const KernelRequest& request) const {
    const std::lock_guard lock(exact_mutex_);
    if (!exact_.tuner) {
      exact_ = context();
      exact_.tf32 = false;
      exact_.tuner = std::make_shared<Tuner>(0, "", "", false);
    }
    return make(std::get<Linear>(request.op), request, exact_);
  }

  void multiply_on_device(std::span<const float> a, std::span<const float> b, int64_t k,
                          std::span<float> result) const {
    const auto rows = [k](std::span<const float> matrix) {
      return static_cast<int64_t>(matrix.size()) / k;
    };
    const Op op = Linear{.epilogue = {.bias = false}};
    const TensorType of_a{DType::f32, {rows(a), k}}, of_b{DType::f32, {rows(b), k}};
    DRYPOINT_CUDA(cudaSetDevice(context().device));
    const KernelPtr kernel = exact_gemm(
        {op, {of_a, of_b}, {DType::f32, {rows(a), rows(b)}}, {false, true}, "product of weights"});
    const std::optional<Packing> packing = kernel->packing(1);
    Tensor packed({DType::u8, {static_cast<int64_t>(packing->bytes)}});
    packing->pack(Tensor(of_b, std::as_bytes(b).data(), nullptr), packed.mutable_bytes().data());
    const DeviceMemory x = allocate(a.size_bytes()), weight = allocate(packing->bytes),
                       out = allocate(result.size_bytes()),
                       workspace = allocate(kernel->workspace());
    upload(x.get(), std::as_bytes(a));
    upload(weight.get(), packed.bytes());
    const void* inputs[] = {x.get(), weight.get()};
    kernel->run({inputs, out.get(), workspace.get()});
    download(std::as_writable_bytes(result), out.get());
  }

  std::vector<Context> streams_;  // the same but for the stream
  std::shared_ptr<MemoryPool> pool_;
  mutable PinnedCopies copies_;
  mutable std::mutex exact_mutex_;
  mutable Context exact_;
  bool graphs_;
};

}  // namespace
}  // namespace cuda
}  // namespace drypoint

extern "C" __attribute__((visibility("default"))) const drypoint::cuda::Entry drypoint_cuda_entry{
    .interface = drypoint::interface_hash,
    .make_backend = [](const drypoint::CudaOptions& options) -> drypoint::Backend* {
      return new drypoint::cuda::CudaBackend(options, drypoint::cuda::context_of(options));
    },
    .make_instruments =
        [](const drypoint::Backend& backend, bool spin) {
          return drypoint::cuda::make_instruments(
                     static_cast<const drypoint::cuda::CudaBackend&>(backend).context(), spin)
              .release();
        },
    .make_chip = [](const drypoint::CudaOptions& options,
                    std::string_view capability) -> drypoint::Backend* {
      return new drypoint::cuda::CudaBackend(options, drypoint::cuda::context_of_chip(capability));
    }};

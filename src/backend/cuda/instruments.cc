#include "backend/cuda/instruments.h"

#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

namespace drypoint::cuda {
namespace {

class EventTime : public Timestamp {
 public:
  EventTime(cudaStream_t stream, bool spin) : spin_(spin) {
    DRYPOINT_CUDA(cudaEventCreateWithFlags(&event_, spin ? 0 : cudaEventBlockingSync));
    const cudaError_t status = cudaEventRecord(event_, stream);
    if (status != cudaSuccess) cudaEventDestroy(event_);
    check(status, "cudaEventRecord");
  }
  ~EventTime() override { cudaEventDestroy(event_); }
  EventTime(const EventTime&) = delete;
  EventTime& operator=(const EventTime&) = delete;

  double seconds_since(const Timestamp& earlier) const override {
    const auto& from = dynamic_cast<const EventTime&>(earlier);
    from.wait();
    wait();
    float milliseconds = 0;
    DRYPOINT_CUDA(cudaEventElapsedTime(&milliseconds, from.event_, event_));
    return milliseconds / 1e3;
  }

 private:
  void wait() const {
    if (spin_)
      while (cudaEventQuery(event_) == cudaErrorNotReady) cudaGetLastError();  // it is none
    DRYPOINT_CUDA(cudaEventSynchronize(event_));
  }

  cudaEvent_t event_ = nullptr;
  bool spin_;
};

class CudaInstruments : public Instruments {
 public:
  CudaInstruments(const Context& context, bool spin) : context_(context), spin_(spin) {}

  std::unique_ptr<Timestamp> now() const override {
    return std::make_unique<EventTime>(context_.stream, spin_);
  }
  DeviceState state() const override {
    DeviceState state = nvml_state(context_);
    size_t available = 0, all = 0;
    DRYPOINT_CUDA(cudaMemGetInfo(&available, &all));
    state.bytes = all - available;
    return state;
  }
  std::unique_ptr<Tracer> trace() const override { return make_cupti_tracer(context_); }
  void profiler_start() const override { DRYPOINT_CUDA(cudaProfilerStart()); }
  void profiler_stop() const override {
    DRYPOINT_CUDA(cudaStreamSynchronize(context_.stream));
    DRYPOINT_CUDA(cudaProfilerStop());
  }
  void push_range(const std::string& name) const override { nvtxRangePushA(name.c_str()); }
  void pop_range() const override { nvtxRangePop(); }

 private:
  const Context& context_;
  bool spin_;
};

}  // namespace

std::unique_ptr<Instruments> make_instruments(const Context& context, bool spin) {
  return std::make_unique<CudaInstruments>(context, spin);
}

}  // namespace drypoint::cuda

// Kernels as the driver saw them, through CUPTI's activity records, also those of CUDA graphs.
// The library is loaded at run time: it comes with the toolkit, not with the driver.
#include "backend/cuda/instruments.h"

#if __has_include(<cupti.h>)

#include <cupti.h>
#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "backend/cuda/libraries/shared_library.h"

namespace drypoint::cuda {
namespace {

/// The functions used, from the library of the headers' major version: within one, records only
/// grow at their ends.
struct Cupti {
  SharedLibrary library{fmt::format("libcupti.so.{}", CUDART_VERSION / 1000)};
  decltype(&cuptiActivityRegisterCallbacks) register_callbacks =
      library["cuptiActivityRegisterCallbacks"];
  decltype(&cuptiActivityEnable) enable = library["cuptiActivityEnable"];
  decltype(&cuptiActivityDisable) disable = library["cuptiActivityDisable"];
  decltype(&cuptiActivityFlushAll) flush = library["cuptiActivityFlushAll"];
  decltype(&cuptiActivityGetNextRecord) next_record = library["cuptiActivityGetNextRecord"];
  decltype(&cuptiGetResultString) text_of = library["cuptiGetResultString"];

  Cupti() {
    if (!library.is_there())
      fail(ErrorKind::unsupported, "there is no {} (it comes with the CUDA toolkit)",
           library.name());
    if (!library.missing().empty())
      fail(ErrorKind::unsupported, "{} has no {}", library.name(), library.missing());
  }

  void check(CUptiResult status, const char* what) const {
    if (status == CUPTI_SUCCESS) return;
    const char* text = nullptr;
    text_of(status, &text);
    const bool denied = status == CUPTI_ERROR_INSUFFICIENT_PRIVILEGES ||
                        status == CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES;
    fail(ErrorKind::unsupported, "CUPTI: {} ({}){}", text ? text : "?", what,
         denied ? "; the driver lets only administrators profile" : "");
  }
};

const Cupti& cupti() {
  static const Cupti loaded;  // thrown errors leave it to be tried again
  return loaded;
}

std::string demangled(const char* name) {
  if (!name) return "?";
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 && text ? text : name;
  std::free(text);
  return result;
}

std::mutex mutex;
std::vector<KernelRecord> records;  // since the last take()

void add(std::string name, uint64_t begin, uint64_t end) {
  const std::lock_guard lock(mutex);
  records.push_back(
      {std::move(name), static_cast<double>(begin) / 1e9, static_cast<double>(end) / 1e9});
}

void add(const CUpti_Activity& record) {
  if (record.kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
    const auto& kernel = reinterpret_cast<const CUpti_ActivityKernel9&>(record);
    add(demangled(kernel.name), kernel.start, kernel.end);
  } else if (record.kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
    const auto& copy = reinterpret_cast<const CUpti_ActivityMemcpy5&>(record);
    add("copy", copy.start, copy.end);
  } else if (record.kind == CUPTI_ACTIVITY_KIND_MEMSET) {
    const auto& fill = reinterpret_cast<const CUpti_ActivityMemset4&>(record);
    add("fill", fill.start, fill.end);
  }
}

constexpr size_t buffer_bytes = 4 << 20;

void CUPTIAPI give_buffer(uint8_t** buffer, size_t* bytes, size_t* most_records) {
  *buffer = static_cast<uint8_t*>(std::aligned_alloc(8, buffer_bytes));
  *bytes = *buffer ? buffer_bytes : 0;
  *most_records = 0;
}

void CUPTIAPI take_buffer(CUcontext, uint32_t, uint8_t* buffer, size_t, size_t valid) {
  CUpti_Activity* record = nullptr;
  while (cupti().next_record(buffer, valid, &record) == CUPTI_SUCCESS) add(*record);
  std::free(buffer);
}

class CuptiTracer : public Tracer {
 public:
  explicit CuptiTracer(cudaStream_t stream) : stream_(stream) {
    cupti().check(cupti().register_callbacks(give_buffer, take_buffer), "register");
    try {
      for (const auto kind : kinds) {
        cupti().check(cupti().enable(kind), "enable");
        ++enabled_;
      }
      take();
    } catch (...) {
      disable();
      throw;
    }
  }
  ~CuptiTracer() override { disable(); }
  CuptiTracer(const CuptiTracer&) = delete;
  CuptiTracer& operator=(const CuptiTracer&) = delete;

  std::vector<KernelRecord> take() override {
    DRYPOINT_CUDA(cudaStreamSynchronize(stream_));
    cupti().check(cupti().flush(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "flush");
    std::vector<KernelRecord> result;
    {
      const std::lock_guard lock(mutex);
      result.swap(records);
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    return result;
  }

 private:
  static constexpr CUpti_ActivityKind kinds[] = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                                 CUPTI_ACTIVITY_KIND_MEMCPY,
                                                 CUPTI_ACTIVITY_KIND_MEMSET};

  void disable() {
    for (; enabled_ > 0; --enabled_) cupti().disable(kinds[enabled_ - 1]);
    cupti().flush(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    const std::lock_guard lock(mutex);
    records.clear();
  }

  cudaStream_t stream_;
  size_t enabled_ = 0;
};

}  // namespace

std::unique_ptr<Tracer> make_cupti_tracer(const Context& context) {
  return std::make_unique<CuptiTracer>(context.stream);
}

}  // namespace drypoint::cuda

#else

namespace drypoint::cuda {

std::unique_ptr<Tracer> make_cupti_tracer(const Context&) {
  fail(ErrorKind::unsupported, "this build was made without CUPTI's headers");
}

}  // namespace drypoint::cuda

#endif

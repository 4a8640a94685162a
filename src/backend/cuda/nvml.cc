// Clocks, and what lowers them, from NVML, which comes with the driver and is loaded at run time.
#include <utility>

#include "backend/cuda/instruments.h"
#include "backend/cuda/libraries/shared_library.h"

namespace drypoint::cuda {
namespace {

// The few functions used, as in NVML's documentation; their interface has been stable since 2013.
// https://docs.nvidia.com/deploy/nvml-api/
using Device = struct nvmlDevice_st*;
constexpr int sm_clock = 1;

class Nvml {
 public:
  DeviceState state(const char* bus) const {
    DeviceState state;
    Device device = nullptr;
    if (!is_ready_ || device_at_(bus, &device) != 0) return state;
    const auto read = [&](auto function) -> std::optional<double> {
      unsigned value = 0;
      if (!function || function(device, sm_clock, &value) != 0) return std::nullopt;
      return value;
    };
    state.clock_mhz = read(clock_);
    state.highest_clock_mhz = read(highest_clock_);
    unsigned long long reasons = 0;
    if (throttled_ && throttled_(device, &reasons) == 0)
      for (const auto& [bit, name] : reason_names)
        if (reasons & bit) state.throttled.emplace_back(name);
    return state;
  }

 private:
  // Being idle, and clocks that an application or a user set, are none.
  static constexpr std::pair<unsigned long long, const char*> reason_names[] = {
      {0x04, "power limit"},         {0x08, "hardware slowdown"}, {0x20, "software heat limit"},
      {0x40, "hardware heat limit"}, {0x80, "power brake"},
  };

  SharedLibrary library_{"libnvidia-ml.so.1"};
  int (*init_)() = library_["nvmlInit_v2"];
  int (*device_at_)(const char*, Device*) = library_["nvmlDeviceGetHandleByPciBusId_v2"];
  int (*clock_)(Device, int, unsigned*) = library_["nvmlDeviceGetClockInfo"];
  int (*highest_clock_)(Device, int, unsigned*) = library_["nvmlDeviceGetMaxClockInfo"];
  int (*throttled_)(Device,
                    unsigned long long*) = library_["nvmlDeviceGetCurrentClocksThrottleReasons"];
  bool is_ready_ = init_ && device_at_ && init_() == 0;
};

}  // namespace

DeviceState nvml_state(const Context& context) {
  static const Nvml nvml;
  char bus[32] = "";
  DRYPOINT_CUDA(cudaDeviceGetPCIBusId(bus, sizeof bus, context.device));
  return nvml.state(bus);
}

}  // namespace drypoint::cuda

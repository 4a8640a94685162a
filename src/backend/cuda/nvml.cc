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
  Nvml() {
    const SharedLibrary library("libnvidia-ml.so.1");
    int (*init)() = nullptr;
    library.find(clock_, "nvmlDeviceGetClockInfo");
    library.find(highest_clock_, "nvmlDeviceGetMaxClockInfo");
    library.find(throttled_, "nvmlDeviceGetCurrentClocksThrottleReasons");
    there_ = library.find(init, "nvmlInit_v2") &&
             library.find(device_at_, "nvmlDeviceGetHandleByPciBusId_v2") && init() == 0;
  }

  DeviceState state(const char* bus) const {
    DeviceState state;
    Device device = nullptr;
    if (!there_ || device_at_(bus, &device) != 0) return state;
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

  bool there_ = false;
  int (*device_at_)(const char*, Device*) = nullptr;
  int (*clock_)(Device, int, unsigned*) = nullptr;
  int (*highest_clock_)(Device, int, unsigned*) = nullptr;
  int (*throttled_)(Device, unsigned long long*) = nullptr;
};

}  // namespace

DeviceState nvml_state(const Context& context) {
  static const Nvml nvml;
  char bus[32] = "";
  DRYPOINT_CUDA(cudaDeviceGetPCIBusId(bus, sizeof bus, context.device));
  return nvml.state(bus);
}

}  // namespace drypoint::cuda

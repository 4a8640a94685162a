// The host's instruments: work is done when the call returns, so that the clock on the wall does.
#include "backend/instruments.h"

#include <chrono>
#include <fstream>

#include "base/error.h"

namespace drypoint {
namespace {

class WallTime : public Timestamp {
 public:
  double seconds_since(const Timestamp& earlier) const override {
    return std::chrono::duration<double>(time_ - dynamic_cast<const WallTime&>(earlier).time_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point time_ = std::chrono::steady_clock::now();
};

/// The number after `key` in a file of "key : value" lines.
std::optional<double> value_in(const char* file, std::string_view key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key))
      if (const auto colon = line.find(':'); colon != line.npos)
        return std::strtod(line.c_str() + colon + 1, nullptr);
  return std::nullopt;
}

class HostInstruments : public Instruments {
 public:
  std::unique_ptr<Timestamp> now() const override { return std::make_unique<WallTime>(); }
  DeviceState state() const override {
    DeviceState state;
    state.clock_mhz = value_in("/proc/cpuinfo", "cpu MHz");
    state.bytes = static_cast<uint64_t>(value_in("/proc/self/status", "VmHWM").value_or(0)) << 10;
    return state;
  }
  std::unique_ptr<Tracer> trace() const override {
    fail(ErrorKind::unsupported, "the host's kernels are timed one by one, not traced");
  }
};

}  // namespace

std::unique_ptr<Instruments> make_host_instruments() { return std::make_unique<HostInstruments>(); }

std::unique_ptr<Instruments> make_instruments(const Backend& backend, bool spin) {
  return backend.shares_host_memory() ? make_host_instruments()
                                      : make_cuda_instruments(backend, spin);
}

}  // namespace drypoint

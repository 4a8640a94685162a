// What measures a backend's work: time in its own stream, its kernels one by one, its state.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace drypoint {

/// A point in a device's stream, with its time.
class Timestamp {
 public:
  virtual ~Timestamp() = default;
  /// Seconds from `earlier`, of the same instruments, to this; waits until both have passed.
  virtual double seconds_since(const Timestamp& earlier) const = 0;
};

/// A kernel, copy or fill that the device has done. Seconds on a clock of the device's own.
struct KernelRecord {
  std::string name;  // demangled
  double begin = 0, end = 0;
};

/// Notes what a device does, as long as it lives.
class Tracer {
 public:
  virtual ~Tracer() = default;
  /// Waits for all work enqueued; what was done since the last call, in the order of beginning.
  virtual std::vector<KernelRecord> take() = 0;
};

/// How a device is doing.
struct DeviceState {
  std::optional<double> clock_mhz, highest_clock_mhz;
  /// Why the clocks are lower than they could be; empty if they are not.
  std::vector<std::string> throttled;
  /// Bytes in use: on a GPU by all processes, on the host the most that this one ever had.
  uint64_t bytes = 0;
};

class Instruments {
 public:
  virtual ~Instruments() = default;
  virtual std::unique_ptr<Timestamp> now() const = 0;
  virtual DeviceState state() const = 0;
  /// Throws unsupported, saying why, where kernels cannot be noted.
  virtual std::unique_ptr<Tracer> trace() const = 0;
  /// Tells profilers which part of a program counts; nothing happens where there is none.
  virtual void profiler_start() const {}
  virtual void profiler_stop() const {}
  /// Names what happens between the two on a profiler's timeline.
  virtual void push_range(const std::string& /*name*/) const {}
  virtual void pop_range() const {}
};

/// `spin`: wait for a device by asking it all the time, which answers sooner and costs a core.
std::unique_ptr<Instruments> make_instruments(const Backend& backend, bool spin = false);

std::unique_ptr<Instruments> make_host_instruments();
/// Of a backend made by make_cuda_backend.
std::unique_ptr<Instruments> make_cuda_instruments(const Backend& backend, bool spin);

}  // namespace drypoint

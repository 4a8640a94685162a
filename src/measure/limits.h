// What a device can do at best, measured.
#pragma once

#include "backend/instruments.h"
#include "drypoint/profile.h"

namespace drypoint {

/// Through the backend's own kernels, in its own precision; some hundred milliseconds.
DeviceLimits measure_limits(const Backend& backend, const Instruments& instruments);

/// An operation by itself, on values that a random generator made. For measurements and limits.
class LoneKernel {
 public:
  LoneKernel(const Backend& backend, const Op& op, const std::vector<TensorType>& inputs,
             const std::vector<bool>& constant);
  void run() const { kernel_->run({pointers_, output_.get(), workspace_.get()}); }

 private:
  std::unique_ptr<Kernel> kernel_;
  std::vector<DeviceMemory> inputs_;
  std::vector<const void*> pointers_;
  DeviceMemory output_, workspace_;
};

}  // namespace drypoint

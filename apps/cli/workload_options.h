// What `bench` and `profile` draw.
#pragma once

#include "device_options.h"
#include "drypoint/workload.h"
#include "model_options.h"

namespace drypoint::cli {

struct WorkloadOptions {
  ModelOptions model;
  DeviceOptions device;
  int batch = 1, steps = 20;
  double scale = 9;

  void add_to(CLI::App& command);
  /// `doing` as in `ModelOptions::files`.
  Workload workload(std::vector<std::string>& notices, const std::string& doing) const;
};

}  // namespace drypoint::cli

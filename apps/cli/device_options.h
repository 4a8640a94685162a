// Where a command computes, and how.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "drypoint/pipeline.h"

namespace drypoint::cli {

struct DeviceOptions {
  std::string device = "auto", precision = "auto", tuning_cache;
  int threads = 0, level = 0, aux_streams = 0;
  bool no_graph = false, no_tf32 = false;

  void add_to(CLI::App& command);
  PipelineOptions pipeline_options() const;
};

}  // namespace drypoint::cli

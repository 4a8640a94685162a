// Where a command computes, and how.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint::cli {

struct DeviceOptions {
  std::string device = "auto", precision = "auto", tuning_cache;
  int threads = 0, level = 0, aux_streams = 0;
  bool no_graph = false, no_tf32 = false;

  void add_to(CLI::App& command);
  PipelineOptions pipeline_options() const;
  /// A notice if options were given that a GPU alone has a use for, and it was none.
  void note_unused(std::string_view device, std::vector<std::string>& notices) const;
};

}  // namespace drypoint::cli

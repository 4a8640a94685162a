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

  /// What --precision may be.
  static const std::vector<std::string>& precisions();
  void add_to(CLI::App& command);
  PipelineOptions pipeline_options() const;
  /// Notices on options that do not do on `used` what they are for: those that a GPU alone has a
  /// use for, and more threads than cores.
  void note_vain(std::string_view used, std::vector<std::string>& notices) const;
};

}  // namespace drypoint::cli

// Where a command computes, and how.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "field_options.h"

namespace drypoint::cli {

class DeviceOptions {
 public:
  void add_to(CLI::App& command);
  PipelineOptions pipeline_options() const;
  /// Notices on options that do not do on `used` what they are for: those that a GPU alone has a
  /// use for, and more threads than cores.
  void note_vain(std::string_view used, std::vector<std::string>& notices) const;

 private:
  FieldOptions<PipelineOptions> fields_{pipeline_fields()};
  bool no_graph_ = false, no_tf32_ = false;
};

}  // namespace drypoint::cli

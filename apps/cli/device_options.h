// Where a command computes, and how.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "field_options.h"

namespace drypoint::cli {

class DeviceOptions {
 public:
  /// `mixes`: whether --precision may be mixed:QUALITY, which is then `mixed_quality`'s.
  void add_to(CLI::App& command, bool mixes = false);
  PipelineOptions pipeline_options() const;
  /// Of mixed:QUALITY, in dB; the options have the usual precision then, against which it is.
  std::optional<double> mixed_quality() const { return *mixed_quality_; }
  /// Notices on options that do not do on `used` what they are for: those that a GPU alone has a
  /// use for, and more threads than cores.
  void note_vain(std::string_view used, std::vector<std::string>& notices) const;

 private:
  FieldOptions<PipelineOptions> fields_{pipeline_fields()};
  std::shared_ptr<std::optional<double>> mixed_quality_ = std::make_shared<std::optional<double>>();
  bool no_graph_ = false, no_tf32_ = false;
};

}  // namespace drypoint::cli

// Which model a command works on.
#pragma once

#include <string>
#include <vector>

#include "control_options.h"
#include "field_options.h"

namespace drypoint::cli {

/// Without what the precisions fp8 and int8 alone make use of.
ModelFiles files_without_eight_bits(ModelFiles files);

class ModelOptions {
 public:
  /// `takes_settings`: whether --control may say how each steers.
  explicit ModelOptions(bool takes_settings = false) : takes_settings_(takes_settings) {}

  /// `plans`: whether the command takes --plan too.
  void add_to(CLI::App& command, bool plans = true);
  /// For commands that draw.
  void add_details_to(CLI::App& command);
  /// What eight bits make use of.
  void add_ranges_to(CLI::App& command);
  void add_loras_to(CLI::App& command);
  /// What --control says.
  std::vector<ControlOption> controls() const;
  /// The demo model if none was given, with a notice: "no --model given: drawing with the small
  /// ...", where `doing` is "drawing with".
  ModelFiles files(std::vector<std::string>& notices, const std::string& doing) const;

 private:
  bool takes_settings_;
  std::vector<std::string> control_texts_;
  FieldOptions<ModelFiles> fields_{model_fields()};
};

}  // namespace drypoint::cli

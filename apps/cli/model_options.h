// Which model a command works on.
#pragma once

#include <string>
#include <vector>

#include "field_options.h"

namespace drypoint::cli {

class ModelOptions {
 public:
  /// `plans`: whether the command takes --plan too.
  void add_to(CLI::App& command, bool plans = true);
  /// For commands that draw.
  void add_prediction_to(CLI::App& command);
  /// The demo model if none was given, with a notice: "no --model given: drawing with the small
  /// ...", where `doing` is "drawing with".
  ModelFiles files(std::vector<std::string>& notices, const std::string& doing) const;

 private:
  FieldOptions<ModelFiles> fields_{model_fields()};
};

}  // namespace drypoint::cli

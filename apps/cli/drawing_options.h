// What calibrate and compare draw, and build to measure a quality.
#pragma once

#include <string>
#include <vector>

#include "field_options.h"

namespace drypoint::cli {

/// The lines of the file that --prompts names.
std::vector<std::string> prompts_in(const std::string& file);

class DrawingOptions {
 public:
  void add_to(CLI::App& command);
  /// For a command whose sizes are its own, and that draws to measure a quality alone.
  void add_for_quality_to(CLI::App& command);

  const std::string& pictures() const { return pictures_; }
  /// The lines of --prompts.
  std::vector<std::string> prompts() const;
  /// What was given, on top of a model's own defaults.
  Request request(Request defaults) const;
  int count() const { return count_; }

 private:
  void add_rest_to(CLI::App& command);

  std::string pictures_, prompts_;
  FieldOptions<Request> fields_{request_fields()};
  int count_ = 0;
};

}  // namespace drypoint::cli

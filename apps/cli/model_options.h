// Which model a command works on.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "drypoint/model_files.h"

namespace drypoint::cli {

struct ModelOptions {
  std::string model, control, vae, plan;

  /// `plans`: whether the command takes --plan too.
  void add_to(CLI::App& command, bool plans = true);
  /// The demo model if none was given, with a notice: "no --model given: drawing with the small
  /// ...", where `doing` is "drawing with".
  ModelFiles files(std::vector<std::string>& notices, const std::string& doing) const;
};

}  // namespace drypoint::cli

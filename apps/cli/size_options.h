// Which sizes a command works on that is given no picture.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/edges.h"

namespace drypoint::cli {

/// --size HEIGHTxWIDTH, or --resolution, which stands for a square.
class SizeOptions {
 public:
  /// `several`: also HEIGHTxWIDTH,HEIGHTxWIDTH,... and --sizes. `usual`: what applies without, as
  /// help says it.
  void add_to(CLI::App& command, bool several, const std::string& usual);
  /// Those given; none where none were.
  std::vector<ImageSize> sizes() const;
  /// The one given, or `usual`.
  ImageSize size(ImageSize usual) const;

 private:
  std::optional<std::string> sizes_;
  std::string option_;
  int resolution_ = 0;
};

}  // namespace drypoint::cli

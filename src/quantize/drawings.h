// What calibration and comparison draw.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint {

/// Pictures and prompts taken in turn, each drawing with a seed of its own.
class Drawings {
 public:
  /// `count` 0: as many as there are pictures, or else prompts. Throws bad_file, bad_argument.
  Drawings(const std::filesystem::path& pictures, std::vector<std::string> prompts,
           const Request& request, int count);

  int size() const { return count_; }
  Request operator[](int i) const;
  /// All that they follow from, but for the pictures' pixels.
  std::string description() const;

 private:
  std::vector<std::filesystem::path> pictures_;
  std::vector<std::string> prompts_;
  Request request_;
  int count_;
};

}  // namespace drypoint

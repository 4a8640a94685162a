// What the options of finding edges may be, and what edges look like: the one place for pictures
// drawn and edges alone.
#pragma once

#include <optional>
#include <string>

#include "drypoint/image.h"

namespace drypoint {

/// Throw bad_argument naming the option, what it is and what it may be.
void check_resolution(int resolution);
void check_thresholds(double low, double high);

/// What is odd about a picture that is given as edges, which are white on black: that it looks like
/// a photo, or is black on white. One line, if anything.
std::optional<std::string> edge_map_notice(const Image& image);

}  // namespace drypoint

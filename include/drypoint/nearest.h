// The word that was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drypoint {

/// How many letters are missing, too many, wrong, or the wrong way round with a neighbour (optimal
/// string alignment).
size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest of `words`, the first of several; empty if there are none.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace drypoint

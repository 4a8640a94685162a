// One colour for each category of operations, in all drawings.
#pragma once

#include <string_view>
#include <vector>

namespace drypoint {

struct KindColor {
  std::string_view sort;   // for the legend
  std::string_view color;  // a fill under black text
};
/// Those of `Category`, and one for what goes in and out.
std::vector<KindColor> kind_colors();
/// `kind`: an operation's name, or "input", "output", "outside".
std::string_view color_of(std::string_view kind);

}  // namespace drypoint

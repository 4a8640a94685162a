// One colour for each sort of operation, in all drawings.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace drypoint {

struct KindColor {
  std::string_view sort;   // for the legend
  std::string_view color;  // a fill under black text
  std::vector<std::string_view> kinds;
};
/// The last, without kinds, is for all others.
const std::vector<KindColor>& kind_colors();
std::string_view color_of(std::string_view kind);

}  // namespace drypoint

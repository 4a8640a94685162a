#include "inspect/colors.h"

#include <algorithm>

namespace drypoint {

const std::vector<KindColor>& kind_colors() {
  static const std::vector<KindColor> colors{
      {"convolution", "#8fb8e8", {"conv2d"}},
      {"product", "#b9a7e6", {"linear"}},
      {"attention", "#f2a97e", {"attention"}},
      {"norm", "#9ed6a3", {"group_norm", "layer_norm"}},
      {"elementwise",
       "#f0dc82",
       {"activation", "add", "add_scaled", "gated_gelu", "sampler_update", "increment"}},
      {"input, output", "#ffffff", {"input", "output", "outside"}},
      {"rearranging", "#d5d8dc", {}}};
  return colors;
}

std::string_view color_of(std::string_view kind) {
  for (const KindColor& color : kind_colors())
    if (std::find(color.kinds.begin(), color.kinds.end(), kind) != color.kinds.end())
      return color.color;
  return kind_colors().back().color;
}

}  // namespace drypoint

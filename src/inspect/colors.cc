#include "inspect/colors.h"

#include "ops/ops.h"

namespace drypoint {
namespace {

constexpr KindColor port{"input, output", "#ffffff"};

constexpr Category categories[] = {Category::convolution, Category::product,
                                   Category::attention,   Category::norm,
                                   Category::elementwise, Category::rearranging};

KindColor of_category(Category category) {
  switch (category) {
    case Category::convolution: return {"convolution", "#8fb8e8"};
    case Category::product: return {"product", "#b9a7e6"};
    case Category::attention: return {"attention", "#f2a97e"};
    case Category::norm: return {"norm", "#9ed6a3"};
    case Category::elementwise: return {"elementwise", "#f0dc82"};
    case Category::rearranging: return {"rearranging", "#d5d8dc"};
  }
  return port;
}

}  // namespace

std::vector<KindColor> kind_colors() {
  std::vector<KindColor> colors;
  for (const Category category : categories) colors.push_back(of_category(category));
  colors.insert(colors.end() - 1, port);
  return colors;
}

std::string_view color_of(std::string_view kind) {
  if (kind == "input" || kind == "output" || kind == "outside") return port.color;
  const auto op = op_named(kind);
  return of_category(op ? category(*op) : Category::rearranging).color;
}

}  // namespace drypoint

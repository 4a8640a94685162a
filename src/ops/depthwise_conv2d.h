// Two-dimensional convolution of each channel by itself.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, H, W, C], weight [C, 1, KH, KW], perhaps bias [C] -> [N, H', W', C]: of each channel what
/// its own filter makes of it. Padding is with zeros; H' = (H + top + bottom - KH) / stride + 1.
struct DepthwiseConv2d {
  static constexpr std::string_view name = "depthwise_conv2d";
  int64_t stride = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  // rows and columns of padding

  static void fields(auto& self, auto&& field) {
    field("stride", self.stride);
    field("top", self.top);
    field("left", self.left);
    field("bottom", self.bottom);
    field("right", self.right);
  }
  bool operator==(const DepthwiseConv2d&) const = default;
};
TensorType infer(const DepthwiseConv2d& op, Inputs inputs);

/// Few products for each value that is read: memory decides, as of operations element by element.
template <>
struct OpTraits<DepthwiseConv2d>
    : RowsOfFirst, PrecisionOfFirst, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const DepthwiseConv2d&, Inputs inputs, const TensorType& output) {
    return 2 * elements_of(output) * elements_of_row(inputs[1]);
  }
};

}  // namespace drypoint

// Two-dimensional convolution of channels-last feature maps.
#pragma once

#include "ops/product.h"

namespace drypoint {

/// x [N, H, W, I], weight [groups * O, I, KH, KW] -> epilogue(conv(x)) [N, H', W', O],
/// H' = (H + top + bottom - KH) / stride + 1. Padding is with zeros. For the operands see
/// `positions_of`, for what follows the convolution `Epilogue`.
///
/// `groups`: the first N / groups pictures see the first O filters, the next the next, and so on.
/// `upsample`: instead of x, its nearest-neighbour enlargement to [N, 2 H, 2 W, I] is convolved.
/// `concat`: as many last operands (at most 2), each `rest` [N, H', W', I'], continue the windows'
/// rows, for a weight [groups * O, I * KH * KW + I' + ...] and filters of the size `height`,
/// `width` (else the weight says it).
struct Conv2d {
  static constexpr std::string_view name = "conv2d";
  int64_t stride = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  // rows and columns of padding
  Epilogue epilogue;
  int64_t groups = 1;
  bool upsample = false;
  int64_t concat = 0;
  int64_t height = 0, width = 0;

  static void fields(auto& self, auto&& field) {
    field("stride", self.stride);
    field("top", self.top);
    field("left", self.left);
    field("bottom", self.bottom);
    field("right", self.right);
    Epilogue::fields(self.epilogue, field);
    field("groups", self.groups);
    field("upsample", self.upsample);
    field("concat", self.concat);
    field("height", self.height);
    field("width", self.width);
  }
  bool operator==(const Conv2d&) const = default;
};
TensorType infer(const Conv2d& op, Inputs inputs);

/// Rows and columns of the filters.
inline int64_t filter_height(const Conv2d& op, const Shape& weight) {
  return op.concat > 0 ? op.height : weight[2];
}
inline int64_t filter_width(const Conv2d& op, const Shape& weight) {
  return op.concat > 0 ? op.width : weight[3];
}

template <>
struct OpTraits<Conv2d> : ProductTraits<Conv2d> {
  static constexpr Category category = Category::convolution;
  static FusedForms forms(const Conv2d& op) {
    FusedForms forms = ProductTraits::forms(op);
    forms.upsample = op.upsample;
    return forms;
  }
  /// A weight as kernels have it: 3 x 3 taps of an enlarged picture are 2 x 2 of the picture.
  static TensorType as_read(const Conv2d& op, TensorType weight) {
    if (op.upsample) weight.shape[2] = weight.shape[3] = 2;
    return weight;
  }
  static double flops(const Conv2d& op, Inputs inputs, const TensorType& output) {
    return flops_of_weight(op, as_read(op, inputs[1]), output);
  }
  static double elements_read(const Conv2d& op, size_t i, Inputs inputs, const TensorType& out) {
    if (op.upsample && i == 1)
      return 4 * elements_of(as_read(op, inputs[1]));  // a set for each of four
    return ProductTraits::elements_read(op, i, inputs, out);
  }
};

}  // namespace drypoint

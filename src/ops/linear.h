// Product with a weight matrix.
#pragma once

#include "ops/product.h"

namespace drypoint {

/// x [N, ..., I], weight [groups * O, I] -> epilogue(x weight^T) [N, ..., O]. For the operands see
/// `positions_of`, for what follows the product `Epilogue`; `groups` is as in `Conv2d`.
///
/// `normed`: x is first divided by its rows' sqrt(variance + epsilon): what is left of a layer norm
/// when the rest of it is in the weight and the bias; see `FoldNorm`.
/// `concat`: the last operand `rest` [N, ..., I'] continues the rows of x, for a weight
/// [O, I + I'].
struct Linear {
  static constexpr std::string_view name = "linear";
  Epilogue epilogue;
  int64_t groups = 1;
  bool normed = false;
  float epsilon = 1e-5f;
  bool concat = false;

  static void fields(auto& self, auto&& field) {
    Epilogue::fields(self.epilogue, field);
    field("groups", self.groups);
    field("normed", self.normed);
    field("epsilon", self.epsilon);
    field("concat", self.concat);
  }
  bool operator==(const Linear&) const = default;
};
TensorType infer(const Linear& op, Inputs inputs);

template <>
struct OpTraits<Linear> : ProductTraits<Linear> {
  static constexpr Category category = Category::product;
  static FusedForms forms(const Linear& op) {
    FusedForms forms = ProductTraits::forms(op);
    forms.row_scale = op.normed;
    return forms;
  }
  static double flops(const Linear& op, Inputs inputs, const TensorType& output) {
    return flops_of_weight(op, inputs[1], output) +
           (op.normed ? flops_of_row_scale * elements_of(inputs[0]) : 0);
  }
};

}  // namespace drypoint

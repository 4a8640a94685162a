// Multi-head scaled dot-product attention.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// q [B, Lq, *], k and v [Bk, Lk, *] -> [B, Lq, heads * head_size], where head h of q is columns
/// q_column + h * head_size and so on: q, k and v may be parts of one product's result.
/// out = softmax(q k^T / sqrt(head_size)) v for each head; row b of q reads row b / (B / Bk) of k
/// and v, so that samples of one prompt share its keys. `causal`: query i sees keys 0..i only.
/// `quantize`: as in `GroupNorm`.
struct Attention {
  static constexpr std::string_view name = "attention";
  int64_t heads = 1, head_size = 0;
  int64_t q_column = 0, k_column = 0, v_column = 0;
  bool causal = false;
  DType quantize = DType::f32;

  static void fields(auto& self, auto&& field) {
    field("heads", self.heads);
    field("head_size", self.head_size);
    field("q_column", self.q_column);
    field("k_column", self.k_column);
    field("v_column", self.v_column);
    field("causal", self.causal);
    field("quantize", self.quantize);
  }
  bool operator==(const Attention&) const = default;
};
TensorType infer(const Attention& op, Inputs inputs);

template <>
struct OpTraits<Attention> : NotInPlace, PairedAsItIs {
  static constexpr Category category = Category::attention;
  static constexpr bool exported = true;
  static std::vector<int> rows(const Attention&, Inputs inputs) {
    if (inputs[0].shape[0] != inputs[1].shape[0]) return {};
    return {0, 1, 2};
  }
  static std::vector<int> of_own_precision(const Attention&, size_t) { return {0, 1, 2}; }
  static FusedForms forms(const Attention& op) { return {.quantize = op.quantize != DType::f32}; }
  static double flops(const Attention& op, Inputs inputs, const TensorType&) {
    const auto batch = static_cast<double>(inputs[0].shape[0]);
    const auto queries = static_cast<double>(inputs[0].shape[1]);
    const auto keys = static_cast<double>(inputs[1].shape[1]);
    const double pairs = op.causal ? queries * (keys + 1) / 2 : queries * keys;
    // Scores and sums over values; the softmax: scaled, less the greatest, exponential, summed.
    return batch * static_cast<double>(op.heads) * pairs *
           (4 * static_cast<double>(op.head_size) + 4);
  }
  /// Some columns of what may be one product's result.
  static double elements_read(const Attention& op, size_t i, Inputs inputs, const TensorType&) {
    if (i >= 3) return elements_of(inputs[i]);
    return elements_of(inputs[i]) * static_cast<double>(op.heads * op.head_size) /
           static_cast<double>(inputs[i].shape.back());
  }
};

}  // namespace drypoint

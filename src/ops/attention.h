// Multi-head scaled dot-product attention.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// q [B, Lq, *], k and v [Bk, Lk, *] -> [B, Lq, heads * head_size], where head h of q is columns
/// q_column + h * head_size and so on: q, k and v may be parts of one product's result.
/// out = softmax(q k^T / sqrt(head_size)) v for each head; row b of q reads row b / (B / Bk) of k
/// and v, so that samples of one prompt share its keys. `causal`: query i sees keys 0..i only.
struct Attention {
  static constexpr std::string_view name = "attention";
  int64_t heads = 1, head_size = 0;
  int64_t q_column = 0, k_column = 0, v_column = 0;
  bool causal = false;

  static void fields(auto& self, auto&& field) {
    field("heads", self.heads);
    field("head_size", self.head_size);
    field("q_column", self.q_column);
    field("k_column", self.k_column);
    field("v_column", self.v_column);
    field("causal", self.causal);
  }
  bool operator==(const Attention&) const = default;
};
TensorType infer(const Attention& op, Inputs inputs);

}  // namespace drypoint

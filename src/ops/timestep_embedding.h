// The sinusoidal embedding of timesteps (https://arxiv.org/abs/1706.03762, section 3.5).
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// t [S] -> [S, width]: cos(t f_i) for i < width / 2, then sin(t f_i),
/// f_i = 10000^(-i / (width / 2)), as `timestep_embedding` in ControlNet's ldm/.../util.py.
struct TimestepEmbedding {
  static constexpr std::string_view name = "timestep_embedding";
  int64_t width = 320;

  static void fields(auto& self, auto&& field) { field("width", self.width); }
  bool operator==(const TimestepEmbedding&) const = default;
};
TensorType infer(const TimestepEmbedding& op, Inputs inputs);

template <>
struct OpTraits<TimestepEmbedding>
    : RowsOfFirst, AnyPrecision, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static double flops(const TimestepEmbedding&, Inputs, const TensorType& output) {
    return 2 * elements_of(output);
  }
};

}  // namespace drypoint

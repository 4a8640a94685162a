// Nearest-neighbour enlargement.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, H, W, C] -> [N, height, width, C], out[y, x] = in[y * H / height, x * W / width].
/// The size is twice the input's, or one less where the skip connection's side is odd.
struct Upsample {
  static constexpr std::string_view name = "upsample";
  int64_t height = 0, width = 0;

  static void fields(auto& self, auto&& field) {
    field("height", self.height);
    field("width", self.width);
  }
  bool operator==(const Upsample&) const = default;
};
TensorType infer(const Upsample& op, Inputs inputs);

template <>
struct OpTraits<Upsample>
    : RowsOfFirst, PrecisionOfFirst, NotInPlace, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
};

}  // namespace drypoint

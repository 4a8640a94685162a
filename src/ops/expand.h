// Repetition of a whole batch.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, ...] -> [times * N, ...]: x, then x again, ... Guidance runs every latent once for each
/// prompt; row g * N + i is latent i with prompt g. `groups`: each N / groups rows by themselves.
struct Expand {
  static constexpr std::string_view name = "expand";
  int64_t times = 2;
  int64_t groups = 1;

  static void fields(auto& self, auto&& field) {
    field("times", self.times);
    field("groups", self.groups);
  }
  bool operator==(const Expand&) const = default;
};
TensorType infer(const Expand& op, Inputs inputs);

template <>
struct OpTraits<Expand>
    : MixesRows, AnyPrecision, NotInPlace, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static bool pair(Expand& op) { return op.groups = 2, true; }
  static PairedInput paired_input(const Expand&, int) { return PairedInput::rows; }
};

}  // namespace drypoint

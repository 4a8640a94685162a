// Some rows of a tensor. Costs nothing where backends can share the bytes.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, ...] -> x[begin : begin + count] [count, ...].
struct Slice {
  static constexpr std::string_view name = "slice";
  int64_t begin = 0, count = 0;

  static void fields(auto& self, auto&& field) {
    field("begin", self.begin);
    field("count", self.count);
  }
  bool operator==(const Slice&) const = default;
};
TensorType infer(const Slice& op, Inputs inputs);

template <>
struct OpTraits<Slice>
    : MixesRows, AnyPrecision, View, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = false;
};

}  // namespace drypoint

// The largest value in a window.
#pragma once

#include "ops/pool.h"

namespace drypoint {

/// x [N, H, W, C] -> [N, H', W', C]; for the sizes see `infer_pool`. Padding does not count.
struct MaxPool {
  static constexpr std::string_view name = "max_pool";
  int64_t size = 3, stride = 1, padding = 0;

  static void fields(auto& self, auto&& field) {
    field("size", self.size);
    field("stride", self.stride);
    field("padding", self.padding);
  }
  bool operator==(const MaxPool&) const = default;
};
TensorType infer(const MaxPool& op, Inputs inputs);

template <>
struct OpTraits<MaxPool> : PoolTraits<MaxPool> {};

}  // namespace drypoint

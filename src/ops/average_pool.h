// The mean of a window.
#pragma once

#include "ops/pool.h"

namespace drypoint {

/// x [N, H, W, C] -> [N, H', W', C]; for the sizes see `infer_pool`. Padding does not count.
struct AveragePool {
  static constexpr std::string_view name = "average_pool";
  int64_t size = 3, stride = 1, padding = 0;

  static void fields(auto& self, auto&& field) {
    field("size", self.size);
    field("stride", self.stride);
    field("padding", self.padding);
  }
  bool operator==(const AveragePool&) const = default;
};
TensorType infer(const AveragePool& op, Inputs inputs);

template <>
struct OpTraits<AveragePool> : PoolTraits<AveragePool> {};

}  // namespace drypoint

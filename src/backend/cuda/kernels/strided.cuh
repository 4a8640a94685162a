// Elements taken in another order than they lie.
#pragma once

#include <cstdint>

namespace drypoint::cuda {

/// Of a tensor in the order of its result's elements: extents from the last dimension, and how far
/// a step along each goes, 0 where it is broadcast.
struct Strided {
  static constexpr int max_rank = 6;
  int rank = 0;
  int64_t extents[max_rank] = {}, strides[max_rank] = {};

  /// Where the result's element `i` comes from.
  __device__ int64_t place(int64_t i) const {
    int64_t at = 0;
    for (int d = 0; d < rank; ++d) {
      at += i % extents[d] * strides[d];
      i /= extents[d];
    }
    return at;
  }
};

}  // namespace drypoint::cuda

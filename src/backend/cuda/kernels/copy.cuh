// Operations that move bytes and compute nothing: the element type does not matter, only how many
// bytes may be moved at a time.
#pragma once

#include <algorithm>
#include <numeric>

#include "backend/cuda/kernels/numeric.cuh"

namespace drypoint::cuda {

/// The largest word of 1, 2, 4, 8 or 16 bytes that divides all of these.
template <class... Bytes>
int64_t word_for(Bytes... bytes) {
  int64_t divisor = 16;
  ((divisor = std::gcd(divisor, static_cast<int64_t>(bytes))), ...);
  return divisor;
}

/// Calls `body` with a value of a type of `word` bytes.
template <class Body>
void with_word(int64_t word, const Body& body) {
  switch (word) {
    case 16: return body(uint4());
    case 8: return body(uint2());
    case 4: return body(uint32_t());
    case 2: return body(uint16_t());
    default: return body(uint8_t());
  }
}

/// Blocks of 256 threads for `count` items, no more than the device needs to be busy.
inline dim3 blocks_for(const Context& context, int64_t count) {
  return dim3(static_cast<unsigned>(
      std::clamp<int64_t>(ceil_div(count, 256), 1, 16 * context.multiprocessors())));
}

}  // namespace drypoint::cuda

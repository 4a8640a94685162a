#include "backend/cpu/pack_columns.h"

#include <algorithm>

namespace drypoint::cpu {

void pack_columns(const Columns& columns, int64_t width, float* packed) {
  const int64_t channels = columns.depth / columns.taps;
  for (int64_t first = 0; first < columns.count; first += width, packed += columns.depth * width) {
    const int64_t there = std::min(width, columns.count - first);
    if (there < width) std::fill_n(packed, columns.depth * width, 0.0f);
    for (int64_t tap = 0; tap < columns.taps; ++tap) {
      float* to = packed + tap * channels * width;
      // What is written stays in the nearest cache until its lines are full.
      constexpr int64_t at_once = 64;
      for (int64_t begin = 0; begin < channels; begin += at_once)
        for (int64_t column = 0; column < there; ++column) {
          const float* from = columns.values + (first + column) * columns.depth + tap;
          for (int64_t c = begin; c < std::min(channels, begin + at_once); ++c)
            to[c * width + column] = from[c * columns.taps];
        }
    }
  }
}

}  // namespace drypoint::cpu

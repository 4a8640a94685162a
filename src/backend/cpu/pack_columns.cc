#include "backend/cpu/pack_columns.h"

#include <algorithm>

namespace drypoint::cpu {

namespace {

using Four = float __attribute__((vector_size(16), aligned(4)));

/// Four columns from `from`, `pitch` apart, four of each -> four rows to `to`, `width` apart.
void transpose_fours(const float* from, int64_t pitch, float* to, int64_t width) {
  const auto load = [](const float* at) { return *reinterpret_cast<const Four*>(at); };
  const Four a = load(from), b = load(from + pitch), c = load(from + 2 * pitch),
             d = load(from + 3 * pitch);
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const auto store = [&](int row, Four value) {
    *reinterpret_cast<Four*>(to + row * width) = value;
  };
  store(0, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  store(1, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  store(2, __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5));
  store(3, __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7));
}

/// Columns of one tap, whole fours of both.
void pack_fours(const float* from, int64_t depth, int64_t count, int64_t width, float* to) {
  constexpr int64_t at_once = 64;  // so that what is written stays in the nearest cache
  for (int64_t begin = 0; begin < depth; begin += at_once)
    for (int64_t column = 0; column < count; column += 4)
      for (int64_t k = begin; k < std::min(depth, begin + at_once); k += 4)
        transpose_fours(from + column * depth + k, depth, to + k * width + column, width);
}

}  // namespace

void pack_columns(const Columns& columns, int64_t width, float* packed) {
  const int64_t channels = columns.depth / columns.taps;
  for (int64_t first = 0; first < columns.count; first += width, packed += columns.depth * width) {
    const int64_t there = std::min(width, columns.count - first);
    if (there < width) std::fill_n(packed, columns.depth * width, 0.0f);
    if (columns.taps == 1 && columns.depth % 4 == 0 && there % 4 == 0) {
      pack_fours(columns.values + first * columns.depth, columns.depth, there, width, packed);
      continue;
    }
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

#include "backend/cpu/pack_columns.h"

#include <algorithm>

#ifdef __x86_64__
#include <immintrin.h>
#endif

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

/// Some columns of one tap, [count, depth], whose values are `step` apart -> [depth, width].
void transpose(const float* from, int64_t pitch, int64_t step, int64_t depth, int64_t count,
               int64_t width, float* to) {
  if (count < width) std::fill_n(to, depth * width, 0.0f);
  if (step == 1 && depth % 4 == 0 && count % 4 == 0) {
    for (int64_t column = 0; column < count; column += 4)
      for (int64_t k = 0; k < depth; k += 4)
        transpose_fours(from + column * pitch + k, pitch, to + k * width + column, width);
    return;
  }
  for (int64_t column = 0; column < count; ++column)
    for (int64_t k = 0; k < depth; ++k) to[k * width + column] = from[column * pitch + k * step];
}

/// Past the caches, which would first read what is overwritten.
void stream(const float* from, int64_t count, float* to) {
#ifdef __x86_64__
  for (; count >= 4; count -= 4, from += 4, to += 4) _mm_stream_ps(to, _mm_load_ps(from));
#endif
  std::copy_n(from, count, to);
}

}  // namespace

void pack_columns(const Columns& columns, int64_t width, float* packed, bool streamed) {
  constexpr int64_t in_nearest_cache = 2048;
  alignas(64) float piece[in_nearest_cache];
  streamed &= width % 4 == 0;
  const int64_t channels = columns.depth / columns.taps;
  const int64_t at_once = std::max<int64_t>(1, in_nearest_cache / width / 4 * 4);
  for (int64_t first = 0; first < columns.count; first += width)
    for (int64_t tap = 0; tap < columns.taps; ++tap)
      for (int64_t begin = 0; begin < channels; begin += at_once) {
        const int64_t depth = std::min(at_once, channels - begin);
        transpose(columns.values + first * columns.depth + begin * columns.taps + tap,
                  columns.depth, columns.taps, depth, std::min(width, columns.count - first), width,
                  streamed ? piece : packed);
        if (streamed) stream(piece, depth * width, packed);
        packed += depth * width;
      }
#ifdef __x86_64__
  if (streamed) _mm_sfence();  // before anybody is told that it is there
#endif
}

}  // namespace drypoint::cpu

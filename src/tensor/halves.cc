#include "tensor/halves.h"

#include <cstring>

#include "tensor/dtype.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace drypoint {
namespace {

// -> how many were converted: whole eights, or none where there is no instruction for it.
#ifdef __x86_64__
bool has_f16c() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}

__attribute__((target("avx,f16c"))) size_t convert_eights(std::span<const float> from,
                                                          uint16_t* to) {
  size_t i = 0;
  for (; has_f16c() && i + 8 <= from.size(); i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(&from[i]), _MM_FROUND_TO_NEAREST_INT));
  return i;
}

__attribute__((target("avx,f16c"))) size_t convert_eights(const std::byte* from,
                                                          std::span<float> to) {
  size_t i = 0;
  for (; has_f16c() && i + 8 <= to.size(); i += 8)
    _mm256_storeu_ps(
        &to[i], _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 2 * i))));
  return i;
}
#else
size_t convert_eights(std::span<const float>, uint16_t*) { return 0; }
size_t convert_eights(const std::byte*, std::span<float>) { return 0; }
#endif

}  // namespace

void floats_to_halves(std::span<const float> from, uint16_t* to) {
  for (size_t i = convert_eights(from, to); i < from.size(); ++i) to[i] = float_to_half(from[i]);
}

void halves_to_floats(const std::byte* from, std::span<float> to) {
  for (size_t i = convert_eights(from, to); i < to.size(); ++i) {
    uint16_t half;
    std::memcpy(&half, from + 2 * i, sizeof half);
    to[i] = half_to_float(half);
  }
}

}  // namespace drypoint

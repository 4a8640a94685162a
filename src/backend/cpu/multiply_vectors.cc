// Products with panels by vectors whose instructions add up groups of bf16 or i8.
#include "backend/cpu/multiplier.h"
#include "backend/cpu/processor.h"
#include "base/vector_targets.h"
// After the targets that we compile for.
#include <hwy/highway.h>

#if HWY_ARCH_X86_64
#include <immintrin.h>

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vnni")
namespace drypoint::cpu::avx512_vnni {

struct Dot {
  using Sums = __m512i;
  using Factors = __m512i;
  static constexpr int64_t bytes = 64;
  static constexpr int rows = 12, vectors = 2;
  static HWY_INLINE Sums zero() { return _mm512_setzero_si512(); }
  static HWY_INLINE Sums load(const std::byte* from) { return _mm512_loadu_si512(from); }
  static HWY_INLINE void store(std::byte* to, Sums sums) { _mm512_storeu_si512(to, sums); }
  static HWY_INLINE Factors factors(const std::byte* from) { return load(from); }
  static HWY_INLINE Sums add(Sums sums, int32_t group, Factors b) {
    return _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(group), b);
  }
};

#include "backend/cpu/dot_block-inl.h"

void multiply(const PanelProduct& p) { multiply_panels<Dot>(p); }

}  // namespace drypoint::cpu::avx512_vnni
HWY_POP_ATTRIBUTES

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512bf16")
namespace drypoint::cpu::avx512_bf16 {

struct Dot {
  using Sums = __m512;
  using Factors = __m512i;
  static constexpr int64_t bytes = 64;
  static constexpr int rows = 12, vectors = 2;
  static HWY_INLINE Sums zero() { return _mm512_setzero_ps(); }
  static HWY_INLINE Sums load(const std::byte* from) { return _mm512_loadu_ps(from); }
  static HWY_INLINE void store(std::byte* to, Sums sums) { _mm512_storeu_ps(to, sums); }
  static HWY_INLINE Factors factors(const std::byte* from) { return _mm512_loadu_si512(from); }
  static HWY_INLINE Sums add(Sums sums, int32_t group, Factors b) {
    return _mm512_dpbf16_ps(sums, (__m512bh)_mm512_set1_epi32(group), (__m512bh)b);
  }
};

#include "backend/cpu/dot_block-inl.h"

void multiply(const PanelProduct& p) { multiply_panels<Dot>(p); }

}  // namespace drypoint::cpu::avx512_bf16
HWY_POP_ATTRIBUTES

HWY_PUSH_ATTRIBUTES("avx2,avxvnni")
namespace drypoint::cpu::avx_vnni {

struct Dot {
  using Sums = __m256i;
  using Factors = __m256i;
  static constexpr int64_t bytes = 32;
  static constexpr int rows = 6, vectors = 2;
  static HWY_INLINE Sums zero() { return _mm256_setzero_si256(); }
  static HWY_INLINE Sums load(const std::byte* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static HWY_INLINE void store(std::byte* to, Sums sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums);
  }
  static HWY_INLINE Factors factors(const std::byte* from) { return load(from); }
  static HWY_INLINE Sums add(Sums sums, int32_t group, Factors b) {
    return _mm256_dpbusd_avx_epi32(sums, _mm256_set1_epi32(group), b);
  }
};

#include "backend/cpu/dot_block-inl.h"

void multiply(const PanelProduct& p) { multiply_panels<Dot>(p); }

}  // namespace drypoint::cpu::avx_vnni
HWY_POP_ATTRIBUTES

namespace drypoint::cpu {

std::vector<Multiplier> vector_multipliers(DType factors) {
  const bool wide = (hwy::SupportedTargets() & HWY_AVX3) != 0;
  const bool narrow = !wide && (hwy::SupportedTargets() & HWY_AVX2) != 0;
  const Processor& has = processor();
  std::vector<Multiplier> all;
  const auto add = [&](bool there, std::string_view name, auto* multiply) {
    if (there) all.push_back({factors, name, /*row_step=*/12, /*native=*/true, multiply});
  };
  if (factors == DType::i8) {
    add(wide && has.avx512_vnni, "avx512_vnni", avx512_vnni::multiply);
    add(narrow && has.avx_vnni, "avx_vnni", avx_vnni::multiply);
  }
  if (factors == DType::bf16) add(wide && has.avx512_bf16, "avx512_bf16", avx512_bf16::multiply);
  return all;
}

}  // namespace drypoint::cpu

#else

namespace drypoint::cpu {

std::vector<Multiplier> vector_multipliers(DType) { return {}; }

}  // namespace drypoint::cpu

#endif

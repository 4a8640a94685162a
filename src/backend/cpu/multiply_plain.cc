// Products with panels in our vector code. It has no instructions for bf16 and i8: such factors are
// taken apart before each multiplication, so that they gain nothing but memory.
#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/multiply_plain.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

using I32 = hn::RebindToSigned<F32>;
using Integers = hn::Vec<I32>;

constexpr int kDotRows = kManyRegisters ? 12 : 6;

struct Bf16Dot {
  using Sums = Vector;
  struct Factors {
    Vector even, odd;
  };
  static constexpr int64_t bytes = HWY_LANES(float) * 4;
  static constexpr int rows = kDotRows, vectors = kVectorsTogether;

  static HWY_INLINE Sums zero() { return hn::Zero(F32()); }
  static HWY_INLINE Sums load(const std::byte* from) {
    return hn::LoadU(F32(), reinterpret_cast<const float*>(from));
  }
  static HWY_INLINE void store(std::byte* to, Sums sums) {
    hn::StoreU(sums, F32(), reinterpret_cast<float*>(to));
  }
  /// A bf16 is the upper half of a float.
  static HWY_INLINE Factors split(Integers pairs) {
    const I32 d;
    return {hn::BitCast(F32(), hn::ShiftLeft<16>(pairs)),
            hn::BitCast(F32(), hn::And(pairs, hn::Set(d, -65536)))};
  }
  static HWY_INLINE Factors factors(const std::byte* from) {
    return split(hn::LoadU(I32(), reinterpret_cast<const int32_t*>(from)));
  }
  static HWY_INLINE Sums add(Sums sums, int32_t group, Factors b) {
    const Factors a = split(hn::Set(I32(), group));
    return hn::MulAdd(a.odd, b.odd, hn::MulAdd(a.even, b.even, sums));
  }
};

struct I8Dot {
  using Sums = Integers;
  static constexpr int64_t bytes = HWY_LANES(float) * 4;
  static constexpr int rows = kDotRows, vectors = kVectorsTogether;

  static HWY_INLINE Sums zero() { return hn::Zero(I32()); }
  static HWY_INLINE Sums load(const std::byte* from) {
    return hn::LoadU(I32(), reinterpret_cast<const int32_t*>(from));
  }
  static HWY_INLINE void store(std::byte* to, Sums sums) {
    hn::StoreU(sums, I32(), reinterpret_cast<int32_t*>(to));
  }
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  using I16 = hn::Repartition<int16_t, I32>;
  struct Factors {
    hn::Vec<I16> even, odd;
  };
  static HWY_INLINE Factors factors(const std::byte* from) {
    const auto pairs = hn::BitCast(I16(), load(from));
    return {hn::ShiftRight<8>(hn::ShiftLeft<8>(pairs)), hn::ShiftRight<8>(pairs)};
  }
  static HWY_INLINE Sums add(Sums sums, int32_t group, Factors b) {
    const I32 d;
    const auto even = hn::BitCast(I16(), hn::Set(d, group & 0x00ff00ff));
    const auto odd = hn::BitCast(I16(), hn::Set(d, group >> 8 & 0x00ff00ff));
    Sums none = sums;  // neighbours are added up at once here
    sums = hn::ReorderWidenMulAccumulate(d, even, b.even, sums, none);
    return hn::ReorderWidenMulAccumulate(d, odd, b.odd, sums, none);
  }
#else
  struct Factors {
    Integers values[4];
  };
  static HWY_INLINE Factors factors(const std::byte* from) {
    const Integers groups = load(from);
    return {{hn::ShiftRight<24>(hn::ShiftLeft<24>(groups)),
             hn::ShiftRight<24>(hn::ShiftLeft<16>(groups)),
             hn::ShiftRight<24>(hn::ShiftLeft<8>(groups)), hn::ShiftRight<24>(groups)}};
  }
  static HWY_INLINE Sums add(Sums sums, int32_t group, const Factors& b) {
    for (int i = 0; i < 4; ++i)
      sums = hn::Add(sums, hn::Mul(hn::Set(I32(), group >> 8 * i & 0xff), b.values[i]));
    return sums;
  }
#endif
};

#include "backend/cpu/dot_block-inl.h"

void multiply_f32(const PanelProduct& p) {
  for (int64_t panel = 0; panel < p.panels(); ++panel)
    gemm({.a = reinterpret_cast<const float*>(p.a),
          .a_stride = p.a_stride / Panels::group_bytes,
          .b = reinterpret_cast<const float*>(p.b + panel * p.b_stride),
          .b_stride = p.width,
          .c = reinterpret_cast<float*>(p.sums + panel * p.sums_stride),
          .c_stride = p.width,
          .depth = p.groups,
          .add = p.add},
         p.rows, round_up(HWY_MIN(p.width, p.columns - panel * p.width), p.width / 2));
}
void multiply_bf16(const PanelProduct& p) { multiply_panels<Bf16Dot>(p); }
void multiply_i8(const PanelProduct& p) { multiply_panels<I8Dot>(p); }

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(multiply_f32);
HWY_EXPORT(multiply_bf16);
HWY_EXPORT(multiply_i8);

Multiplier plain_multiplier(DType factors) {
  // Before anything was dispatched, what is dispatched to asks the processor anew at each call.
  if (auto& target = hwy::GetChosenTarget(); !target.IsInitialized())
    target.Update(hwy::SupportedTargets());
  auto* const multiply = factors == DType::f32    ? HWY_DYNAMIC_DISPATCH(multiply_f32)
                         : factors == DType::bf16 ? HWY_DYNAMIC_DISPATCH(multiply_bf16)
                                                  : HWY_DYNAMIC_DISPATCH(multiply_i8);
  return {.factors = factors,
          .name = "plain",
          .row_step = 12,
          .native = factors == DType::f32,
          .multiply = multiply};
}

}  // namespace drypoint::cpu
#endif

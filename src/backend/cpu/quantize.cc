#include "ops/quantize.h"

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/quantize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

/// to = round(from / scale) of bytes, where `round` makes an integer of each float's.
template <class Byte, class Round>
HWY_INLINE void quantize_by(const float* from, int64_t count, float scale, Round round,
                            uint8_t* to) {
  const F32 d;
  const hn::Rebind<Byte, F32> bytes;
  const auto size = static_cast<int64_t>(hn::Lanes(d));
  const auto rounded = [&](Vector value) HWY_ATTR {
    return hn::DemoteTo(bytes, round(hn::Div(value, hn::Set(d, scale))));
  };
  int64_t i = 0;
  for (; i + size <= count; i += size)
    hn::StoreU(rounded(hn::LoadU(d, from + i)), bytes, reinterpret_cast<Byte*>(to) + i);
  if (i == count) return;
  HWY_ALIGN Byte rest[HWY_MAX_BYTES / 4];
  hn::Store(rounded(load_first(d, from + i, static_cast<size_t>(count - i))), bytes, rest);
  for (int64_t r = 0; i < count; ++i, ++r) to[i] = static_cast<uint8_t>(rest[r]);
}

/// As `to_eight_bits` of i8, for values of one scale.
void quantize_i8(const float* from, int64_t count, float scale, uint8_t* to) {
  const F32 d;
  const auto round = [&](Vector value) HWY_ATTR {
    return hn::NearestInt(hn::Min(hn::Max(value, hn::Set(d, -127)), hn::Set(d, 127)));
  };
  quantize_by<int8_t>(from, count, scale, round, to);
}

/// The same of f8: e4m3's exponent has a bias of 7 and its fraction 3 bits, those of f32 127 and
/// 23. Below 2^-6 steps are of 2^-9.
void quantize_f8(const float* from, int64_t count, float scale, uint8_t* to) {
  const F32 d;
  const hn::RebindToSigned<F32> i32;
  const auto round = [&](Vector value) HWY_ATTR {
    const Vector magnitude = hn::Abs(value), cut = hn::Min(magnitude, hn::Set(d, 448));
    const auto bits = hn::BitCast(i32, cut);
    const auto even = hn::And(hn::ShiftRight<20>(bits), hn::Set(i32, 1));
    const auto normal =
        hn::Sub(hn::ShiftRight<20>(hn::Add(hn::Add(bits, hn::Set(i32, 0x7ffff)), even)),
                hn::Set(i32, 120 << 3));
    const auto subnormal = hn::NearestInt(hn::Mul(cut, hn::Set(d, 0x1p9f)));
    const auto is_small = hn::RebindMask(i32, hn::Lt(cut, hn::Set(d, 0x1p-6f)));
    const auto is_nan = hn::RebindMask(i32, hn::IsNaN(value));
    const auto sign = hn::And(hn::ShiftRight<24>(hn::BitCast(i32, value)), hn::Set(i32, 0x80));
    const auto byte = hn::IfThenElse(is_small, subnormal, normal);
    return hn::Or(hn::IfThenElse(is_nan, hn::Set(i32, 0x7f), byte), sign);
  };
  quantize_by<uint8_t>(from, count, scale, round, to);
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(quantize_i8);
HWY_EXPORT(quantize_f8);

KernelPtr make(const Quantize& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements(), shares = request.inputs[1].shape[0];
  return make_kernel([=](const Launch& launch) {
    auto* to = static_cast<uint8_t*>(launch.output);
    parallel_ranges(context, count, elements_per_task, [&](int64_t begin, int64_t end) {
      const int64_t size = count / shares;
      for (int64_t share = begin / size; begin < end; ++share) {
        const int64_t there = std::min(end, (share + 1) * size) - begin;
        const float *from = launch.f32(0) + begin, scale = launch.f32(1)[share];
        if (op.to == DType::i8)
          HWY_DYNAMIC_DISPATCH(quantize_i8)(from, there, scale, to + begin);
        else
          HWY_DYNAMIC_DISPATCH(quantize_f8)(from, there, scale, to + begin);
        begin += there;
      }
    });
  });
}

}  // namespace drypoint::cpu
#endif

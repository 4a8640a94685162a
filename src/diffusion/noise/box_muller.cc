#include "diffusion/noise/box_muller.h"

#include <cmath>
#include <initializer_list>
#include <numbers>

#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "diffusion/noise/box_muller.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace drypoint::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::CappedTag<float, 8>;
using Whole = hn::RebindToSigned<Floats>;
using V = hn::Vec<Floats>;

/// a * b + c, rounded once.
V fused(V a, V b, V c) {
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  const Floats d;
  float x[8], y[8], z[8];
  hn::StoreU(a, d, x), hn::StoreU(b, d, y), hn::StoreU(c, d, z);
  for (size_t i = 0; i < hn::Lanes(d); ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return hn::LoadU(d, z);
#endif
}
V fused(V a, V b, float c) { return fused(a, b, hn::Set(Floats(), c)); }
V fused(V a, float b, V c) { return fused(a, hn::Set(Floats(), b), c); }

/// Of normal positive numbers.
V logarithm(V x) {
  // x = mantissa * 2^exponent with the mantissa in [sqrt 0.5, sqrt 2); then log(1 + m) as a
  // polynomial, and log 2 in two parts, of which the second is exact.
  const Floats d;
  const Whole whole;
  const auto bits = hn::BitCast(whole, x);
  const auto exponent = hn::Sub(hn::ShiftRight<23>(bits), hn::Set(whole, 126));
  const auto half = hn::BitCast(whole, hn::Set(d, 0.5f));
  V m = hn::BitCast(d, hn::Or(hn::And(bits, hn::Set(whole, 0x7fffff)), half));
  const auto is_low = hn::Lt(m, hn::Set(d, std::numbers::sqrt2_v<float> / 2));
  const V one = hn::Set(d, 1.0f);
  const V e = hn::Sub(hn::ConvertTo(d, exponent), hn::IfThenElseZero(is_low, one));
  m = hn::Add(hn::Sub(m, one), hn::IfThenElseZero(is_low, m));
  const V square = hn::Mul(m, m);
  V y = hn::Set(d, 7.0376836292e-2f);
  for (const float coefficient :
       {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
        2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    y = fused(y, m, coefficient);
  y = fused(hn::Mul(y, m), square, hn::Mul(e, hn::Set(d, -2.12194440e-4f)));
  y = fused(square, -0.5f, y);
  return fused(e, 0.693359375f, hn::Add(m, y));
}

/// Of numbers from 0 to 8192.
void sine_cosine(V x, V& sine, V& cosine) {
  // The nearest even multiple of pi/4 is taken off in three parts; the rest lies within pi/4 of 0.
  const Floats d;
  const Whole whole;
  const auto eighths = hn::ConvertTo(whole, hn::Mul(x, hn::Set(d, 4 / std::numbers::pi_v<float>)));
  const auto octant = hn::AndNot(hn::Set(whole, 1), hn::Add(eighths, hn::Set(whole, 1)));
  const V turns = hn::ConvertTo(d, octant);
  for (const float part : {-0.78515625f, -2.4187564849853515625e-4f, -3.77489497744594108e-8f})
    x = fused(turns, part, x);
  const V square = hn::Mul(x, x);

  V c = hn::Set(d, 2.443315711809948e-5f);
  c = fused(c, square, -1.388731625493765e-3f);
  c = fused(c, square, 4.166664568298827e-2f);
  c = hn::Add(fused(hn::Mul(c, square), square, hn::Mul(square, hn::Set(d, -0.5f))),
              hn::Set(d, 1.0f));

  V s = hn::Set(d, -1.9515295891e-4f);
  s = fused(s, square, 8.3321608736e-3f);
  s = fused(s, square, -1.6666654611e-1f);
  s = fused(hn::Mul(s, square), x, x);

  const auto has = [&](int bit) {
    const auto wanted = hn::Set(whole, bit);
    return hn::RebindMask(d, hn::Eq(hn::And(octant, wanted), wanted));
  };
  const auto swaps = has(2), turned = has(4);
  sine = hn::IfThenElse(swaps, c, s);
  cosine = hn::IfThenElse(swaps, s, c);
  sine = hn::IfThenElse(turned, hn::Neg(sine), sine);
  cosine = hn::IfThenElse(hn::Xor(swaps, turned), hn::Neg(cosine), cosine);
}

void box_muller(float* values, size_t count) {
  const Floats d;
  const V one = hn::Set(d, 1.0f);
  for (float* end = values + count; values < end; values += 16)
    for (size_t i = 0; i < 8; i += hn::Lanes(d)) {
      const V distance = hn::LoadU(d, values + i), turn = hn::LoadU(d, values + i + 8);
      const V radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0f), logarithm(hn::Sub(one, distance))));
      V sine, cosine;
      sine_cosine(hn::Mul(hn::Set(d, 2.0f * std::numbers::pi_v<float>), turn), sine, cosine);
      hn::StoreU(hn::Mul(radius, cosine), d, values + i);
      hn::StoreU(hn::Mul(radius, sine), d, values + i + 8);
    }
}

}  // namespace
}  // namespace drypoint::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint {
HWY_EXPORT(box_muller);

void box_muller(std::span<float> values) {
  HWY_DYNAMIC_DISPATCH(box_muller)(values.data(), values.size());
}

}  // namespace drypoint
#endif

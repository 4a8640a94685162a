// Functions on vectors of floats, compiled for each instruction set.
#if defined(DRYPOINT_CPU_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRYPOINT_CPU_VECTOR_MATH_INL_H_
#undef DRYPOINT_CPU_VECTOR_MATH_INL_H_
#else
#define DRYPOINT_CPU_VECTOR_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include "ops/activation.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using F32 = hn::ScalableTag<float>;
using Vector = hn::Vec<F32>;

/// Vectors of columns that products take at once. Where a vector is one float, the compiler makes
/// vectors of neighbours.
constexpr int kVectorsTogether = HWY_TARGET == HWY_SCALAR ? 8 : 2;

/// The first n < Lanes floats, then zeros; and storing n.
HWY_INLINE Vector load_first(F32 d, const float* from, size_t n) {
  HWY_ALIGN float buffer[HWY_MAX_BYTES / 4] = {};
  for (size_t i = 0; i < n; ++i) buffer[i] = from[i];
  return hn::Load(d, buffer);
}
HWY_INLINE void store_first(F32 d, Vector v, float* to, size_t n) {
  HWY_ALIGN float buffer[HWY_MAX_BYTES / 4] = {};
  hn::Store(v, d, buffer);
  for (size_t i = 0; i < n; ++i) to[i] = buffer[i];
}

/// Adding this rounds a float to an integer n, and puts n + 127 in its lowest bits: shifted by 23
/// they are 2^n.
constexpr float kRound = 0x1.8p23f + 127;
HWY_INLINE Vector power_of_two(F32 d, Vector rounded) {
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(hn::RebindToUnsigned<F32>(), rounded)));
}

/// e^x within 2 ulp for -87 < x < 88; below that about 1e-38. NaN stays NaN: of two operands one of
/// which is NaN, x86's min and max return the second.
HWY_INLINE Vector exp(F32 d, Vector x) {
  x = hn::Max(hn::Set(d, -87.3f), hn::Min(hn::Set(d, 88.3f), x));
  const Vector rounded = hn::MulAdd(x, hn::Set(d, 1.44269504f), hn::Set(d, kRound));
  const Vector n = hn::Sub(rounded, hn::Set(d, kRound));
  // r = x - n ln 2 in two parts, |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf.
  Vector r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  Vector p = hn::MulAdd(hn::Set(d, 1.9875691500e-4f), r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0f));
  return hn::Mul(p, power_of_two(d, rounded));
}

/// 2^x within 2e-7 for -126 <= x <= 0; below that about 1e-38. NaN stays NaN.
HWY_INLINE Vector exp2(F32 d, Vector x) {
  x = hn::Max(hn::Set(d, -126.0f), x);
  const Vector rounded = hn::Add(x, hn::Set(d, kRound));
  const Vector f = hn::Sub(x, hn::Sub(rounded, hn::Set(d, kRound)));
  // 2^f for |f| <= 1/2: least squares, reweighted until the largest error is smallest (8e-8).
  Vector p = hn::MulAdd(hn::Set(d, 1.327646668e-03f), f, hn::Set(d, 9.675541292e-03f));
  p = hn::MulAdd(p, f, hn::Set(d, 5.550713290e-02f));
  p = hn::MulAdd(p, f, hn::Set(d, 2.402211972e-01f));
  p = hn::MulAdd(p, f, hn::Set(d, 6.931469671e-01f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.000000072e+00f));
  return hn::Mul(p, power_of_two(d, rounded));
}

/// erf(x) within 4e-7: x P(x^2) / Q(x^2), fitted on |x| <= 3.95, beyond which erf is 1 - 2.4e-8.
HWY_INLINE Vector erf(F32 d, Vector x) {
  x = hn::Max(hn::Set(d, -3.95f), hn::Min(hn::Set(d, 3.95f), x));
  const Vector s = hn::Mul(x, x);
  Vector p = hn::MulAdd(hn::Set(d, 2.011777342e-06f), s, hn::Set(d, 2.875922037e-04f));
  p = hn::MulAdd(p, s, hn::Set(d, 3.917012158e-03f));
  p = hn::MulAdd(p, s, hn::Set(d, 5.320612859e-02f));
  p = hn::MulAdd(p, s, hn::Set(d, 1.940287579e-01f));
  p = hn::MulAdd(p, s, hn::Set(d, 1.128379007e+00f));
  Vector q = hn::MulAdd(hn::Set(d, 3.783962665e-05f), s, hn::Set(d, 1.198123485e-03f));
  q = hn::MulAdd(q, s, hn::Set(d, 1.527009770e-02f));
  q = hn::MulAdd(q, s, hn::Set(d, 1.155878710e-01f));
  q = hn::MulAdd(q, s, hn::Set(d, 5.052850005e-01f));
  q = hn::MulAdd(q, s, hn::Set(d, 1.0f));
  return hn::Div(hn::Mul(x, p), q);
}

HWY_INLINE Vector gelu(F32 d, Vector x) {
  const Vector half = hn::Mul(x, hn::Set(d, 0.5f));
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, 0.707106781f))), half);
}

/// x / (1 + exp(-alpha x)).
HWY_INLINE Vector swish(F32 d, Vector x, float alpha) {
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), exp(d, hn::Mul(x, hn::Set(d, -alpha)))));
}

HWY_INLINE Vector activate(F32 d, ActivationKind kind, Vector x) {
  switch (kind) {  // the same way each time, so it costs next to nothing
    case ActivationKind::none: break;
    case ActivationKind::silu: return swish(d, x, 1.0f);
    case ActivationKind::gelu: return gelu(d, x);
    case ActivationKind::quick_gelu: return swish(d, x, 1.702f);
    case ActivationKind::relu: return hn::Max(x, hn::Zero(d));
  }
  return x;
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

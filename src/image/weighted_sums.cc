#include "image/weighted_sums.h"

#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/weighted_sums.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace drypoint::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A few vectors at a time stay in registers. This file is compiled without fused products and sums.
template <class Number>
void sum_rows(const Number* weights, size_t rows_count, const Number* const* rows, Number* to,
              size_t count) {
  const hn::ScalableTag<Number> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    auto a = hn::Zero(d), b = a, c = a, e = a;
    for (size_t k = 0; k < rows_count; ++k) {
      const Number* row = rows[k] + i;
      const auto weight = hn::Set(d, weights[k]);
      a = hn::Add(a, hn::Mul(weight, hn::LoadU(d, row)));
      b = hn::Add(b, hn::Mul(weight, hn::LoadU(d, row + lanes)));
      c = hn::Add(c, hn::Mul(weight, hn::LoadU(d, row + 2 * lanes)));
      e = hn::Add(e, hn::Mul(weight, hn::LoadU(d, row + 3 * lanes)));
    }
    hn::StoreU(a, d, to + i);
    hn::StoreU(b, d, to + i + lanes);
    hn::StoreU(c, d, to + i + 2 * lanes);
    hn::StoreU(e, d, to + i + 3 * lanes);
  }
  for (; i + lanes <= count; i += lanes) {
    auto sum = hn::Zero(d);
    for (size_t k = 0; k < rows_count; ++k)
      sum = hn::Add(sum, hn::Mul(hn::Set(d, weights[k]), hn::LoadU(d, rows[k] + i)));
    hn::StoreU(sum, d, to + i);
  }
  for (; i < count; ++i) {
    Number sum = 0;
    for (size_t k = 0; k < rows_count; ++k) sum += weights[k] * rows[k][i];
    to[i] = sum;
  }
}

void sum_rows_f32(const float* weights, size_t rows_count, const float* const* rows, float* to,
                  size_t count) {
  sum_rows(weights, rows_count, rows, to, count);
}
void sum_rows_f64(const double* weights, size_t rows_count, const double* const* rows, double* to,
                  size_t count) {
  sum_rows(weights, rows_count, rows, to, count);
}

}  // namespace drypoint::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint {
HWY_EXPORT(sum_rows_f32);
HWY_EXPORT(sum_rows_f64);

void weighted_sums(std::span<const float> weights, const float* const* rows, float* to,
                   size_t count) {
  HWY_DYNAMIC_DISPATCH(sum_rows_f32)(weights.data(), weights.size(), rows, to, count);
}
void weighted_sums(std::span<const double> weights, const double* const* rows, double* to,
                   size_t count) {
  HWY_DYNAMIC_DISPATCH(sum_rows_f64)(weights.data(), weights.size(), rows, to, count);
}

}  // namespace drypoint
#endif

#include "ops/layer_norm.h"

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/layer_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

// Eight lanes at most: sums across a vector are then the same with AVX2 and with AVX-512.
using Eight = hn::CappedTag<float, 8>;

/// One row, mean first, then the variance about it; a row is in the nearest cache after the first
/// reading.
void normalize_row(const float* x, const float* gamma, const float* beta, int64_t width,
                   float epsilon, float* y) {
  const Eight d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = width / lanes * lanes;
  auto sums = hn::Zero(d);
  for (int64_t i = 0; i < whole; i += lanes) sums = hn::Add(sums, hn::LoadU(d, x + i));
  double sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (int64_t i = whole; i < width; ++i) sum += x[i];
  const float mean = static_cast<float>(sum / static_cast<double>(width));

  const auto means = hn::Set(d, mean);
  sums = hn::Zero(d);
  for (int64_t i = 0; i < whole; i += lanes) {
    const auto deviation = hn::Sub(hn::LoadU(d, x + i), means);
    sums = hn::MulAdd(deviation, deviation, sums);
  }
  double squares = hn::GetLane(hn::SumOfLanes(d, sums));
  for (int64_t i = whole; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float scale =
      static_cast<float>(1 / __builtin_sqrt(squares / static_cast<double>(width) + epsilon));

  const auto scales = hn::Set(d, scale);
  for (int64_t i = 0; i < whole; i += lanes) {
    const auto unit = hn::Mul(hn::Sub(hn::LoadU(d, x + i), means), scales);
    hn::StoreU(hn::MulAdd(unit, hn::LoadU(d, gamma + i), hn::LoadU(d, beta + i)), d, y + i);
  }
  for (int64_t i = whole; i < width; ++i) y[i] = (x[i] - mean) * scale * gamma[i] + beta[i];
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(normalize_row);

KernelPtr make(const LayerNorm& op, const KernelRequest& request, const Context& context) {
  const int64_t width = request.output.shape.back();
  const int64_t rows = width == 0 ? 0 : request.output.elements() / width;
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, rows, elements_per_task / std::max<int64_t>(width, 1),
                    [&](int64_t begin, int64_t end) {
                      for (int64_t row = begin; row < end; ++row)
                        HWY_DYNAMIC_DISPATCH(normalize_row)
                      (launch.f32(0) + row * width, launch.f32(1), launch.f32(2), width, op.epsilon,
                       launch.out() + row * width);
                    });
  });
}

}  // namespace drypoint::cpu
#endif

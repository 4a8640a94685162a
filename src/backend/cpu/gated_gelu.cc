#include "ops/gated_gelu.h"

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gated_gelu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

/// One row: x [2 width] -> y [width].
void gate_row(const float* x, int64_t width, float* y) {
  const F32 d;
  const float* gate = x + width;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= width; i += lanes)
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), gelu(d, hn::LoadU(d, gate + i))), d, y + i);
  if (const int64_t rest = width - i; rest > 0)
    store_first(d, hn::Mul(load_first(d, x + i, rest), gelu(d, load_first(d, gate + i, rest))),
                y + i, rest);
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(gate_row);

KernelPtr make(const GatedGelu&, const KernelRequest& request, const Context& context) {
  const int64_t width = request.output.shape.back();
  const int64_t rows = width == 0 ? 0 : request.output.elements() / width;
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, rows, elements_per_task / std::max<int64_t>(width, 1),
                    [&](int64_t begin, int64_t end) {
                      for (int64_t row = begin; row < end; ++row) HWY_DYNAMIC_DISPATCH(gate_row)
                      (launch.f32(0) + row * 2 * width, width, launch.out() + row * width);
                    });
  });
}

}  // namespace drypoint::cpu
#endif

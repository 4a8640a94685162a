#include "ops/activation.h"

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/activation.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

void activate_range(ActivationKind kind, const float* x, int64_t count, float* y) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(activate(d, kind, hn::LoadU(d, x + i)), d, y + i);
  if (i < count)
    store_first(d, activate(d, kind, load_first(d, x + i, count - i)), y + i, count - i);
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(activate_range);

KernelPtr make(const Activation& op, const KernelRequest& request, const Context& context) {
  return make_kernel([=, elements = request.output.elements()](const Launch& launch) {
    parallel_ranges(context, elements, elements_per_task, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(activate_range)
      (op.kind, launch.f32(0) + begin, end - begin, launch.out() + begin);
    });
  });
}

}  // namespace drypoint::cpu
#endif

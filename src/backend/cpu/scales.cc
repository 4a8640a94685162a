#include "ops/scales.h"

#include "backend/cpu/kernels.h"
#include "base/vector_targets.h"
#include "tensor/eight_bits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/scales.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

float largest_magnitude(const float* values, int64_t count) {
  const F32 d;
  const auto size = static_cast<int64_t>(hn::Lanes(d));
  Vector most = hn::Zero(d);
  int64_t i = 0;
  for (; i + size <= count; i += size) most = hn::Max(hn::Abs(hn::LoadU(d, values + i)), most);
  if (i < count)
    most = hn::Max(hn::Abs(load_first(d, values + i, static_cast<size_t>(count - i))), most);
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(largest_magnitude);

KernelPtr make(const Scales& op, const KernelRequest& request, const Context& context) {
  const int64_t size = request.inputs[0].elements() / op.count;
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(
        context, op.count, elements_per_task / (size + 1), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            launch.out()[i] = scale_of(
                HWY_DYNAMIC_DISPATCH(largest_magnitude)(launch.f32(0) + i * size, size), op.to);
        });
  });
}

}  // namespace drypoint::cpu
#endif

#include "ops/scales.h"

#include "backend/cpu/kernels.h"
#include "tensor/eight_bits.h"

namespace drypoint::cpu {

KernelPtr make(const Scales& op, const KernelRequest& request, const Context& context) {
  const auto size = static_cast<size_t>(request.inputs[0].elements() / op.count);
  return make_kernel([=](const Launch& launch) {
    const int64_t grain = std::max<int64_t>(1, elements_per_task / static_cast<int64_t>(size + 1));
    parallel_ranges(context, op.count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        launch.out()[i] = scale_of({launch.f32(0) + static_cast<size_t>(i) * size, size}, op.to);
    });
  });
}

}  // namespace drypoint::cpu

#include "ops/expand.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Expand& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.inputs[0].elements() / op.groups;
  return make_kernel([=](const Launch& launch) {
    for (int64_t g = 0; g < op.groups; ++g)
      for (int64_t i = 0; i < op.times; ++i)
        parallel_copy(context, launch.f32(0) + g * count, count,
                      launch.out() + (g * op.times + i) * count);
  });
}

}  // namespace drypoint::cpu

#include "ops/expand.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Expand& op, const KernelRequest& request, const Context& context) {
  return make_kernel([=, elements = request.inputs[0].elements()](const Launch& launch) {
    for (int64_t i = 0; i < op.times; ++i)
      parallel_copy(context, launch.f32(0), elements, launch.out() + i * elements);
  });
}

}  // namespace drypoint::cpu

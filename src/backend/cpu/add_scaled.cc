#include "ops/add_scaled.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const AddScaled& op, const KernelRequest& request, const Context& context) {
  return make_kernel([=, elements = request.output.elements()](const Launch& launch) {
    const float *a = launch.f32(0), *b = launch.f32(1), scale = launch.f32(2)[op.index];
    float* out = launch.out();
    parallel_ranges(context, elements, elements_per_task, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = a[i] + scale * b[i];
    });
  });
}

}  // namespace drypoint::cpu

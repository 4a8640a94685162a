#include "ops/quantize.h"

#include "backend/cpu/kernels.h"
#include "backend/in_floats.h"

namespace drypoint::cpu {

KernelPtr make(const Quantize& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements(), shares = request.inputs[1].shape[0];
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, count, elements_per_task, [&](int64_t begin, int64_t end) {
      quantize(launch.f32(0), op.to, launch.f32(1), shares, count, begin, end,
               static_cast<uint8_t*>(launch.output));
    });
  });
}

}  // namespace drypoint::cpu

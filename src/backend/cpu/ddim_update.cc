#include "ops/ddim_update.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const DdimUpdate& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.inputs[0].shape;
  const int64_t channels = x[1], pixels = x[2] * x[3], elements = request.output.elements();
  const bool guided = request.inputs[1].shape[0] == 2 * x[0];
  return make_kernel([=](const Launch& launch) {
    const auto& row = static_cast<const DdimCoefficients*>(launch.inputs[2])[launch.i32(3)[0]];
    parallel_tasks(context, elements / pixels, [&](int64_t plane) {  // of one sample's channel
      const int64_t n = plane / channels, c = plane % channels;
      const float* eps = launch.f32(1) + n * pixels * channels + c;
      for (int64_t p = 0; p < pixels; ++p) {
        const int64_t i = plane * pixels + p;
        const float predicted = eps[p * channels];
        launch.out()[i] =
            row.update(launch.f32(0)[i],
                       guided ? row.guide(predicted, eps[elements + p * channels]) : predicted,
                       op.noise ? launch.f32(4)[i] : 0);
      }
    });
  });
}

}  // namespace drypoint::cpu

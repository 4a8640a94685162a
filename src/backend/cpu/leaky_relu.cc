#include "ops/leaky_relu.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const LeakyRelu& op, const KernelRequest& request, const Context& context) {
  const int64_t channels = request.output.shape.back();
  const int64_t rows = request.output.elements() / channels;
  const bool has_slopes = request.inputs.size() > 1;
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, rows, elements_per_task / channels, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* x = launch.f32(0) + row * channels;
        float* out = launch.out() + row * channels;
        for (int64_t c = 0; c < channels; ++c) {
          const float slope = has_slopes ? launch.f32(1)[c] : op.slope;
          out[c] = x[c] > 0 ? x[c] : slope * x[c];
        }
      }
    });
  });
}

}  // namespace drypoint::cpu

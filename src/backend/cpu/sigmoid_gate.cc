#include "ops/sigmoid_gate.h"

#include <cmath>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const SigmoidGate&, const KernelRequest& request, const Context& context) {
  const Shape& x = request.output.shape;
  const int64_t samples = x[0], pixels = x[1] * x[2], channels = x[3];
  const auto run = [=](const Launch& launch) {
    float* factors = static_cast<float*>(launch.workspace);  // [N, C]
    for (int64_t i = 0; i < samples * channels; ++i)
      factors[i] = 1 / (1 + std::exp(-launch.f32(1)[i]));
    parallel_ranges(context, samples * pixels, elements_per_task / channels,
                    [&](int64_t begin, int64_t end) {
                      for (int64_t p = begin; p < end; ++p) {
                        const float *own = factors + p / pixels * channels,
                                    *from = launch.f32(0) + p * channels;
                        float* to = launch.out() + p * channels;
                        for (int64_t c = 0; c < channels; ++c) to[c] = from[c] * own[c];
                      }
                    });
  };
  return make_kernel(run, static_cast<size_t>(samples * channels) * sizeof(float));
}

}  // namespace drypoint::cpu

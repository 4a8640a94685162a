#include "ops/spatial_mean.h"

#include <vector>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const SpatialMean&, const KernelRequest& request, const Context& context) {
  const Shape x = request.output.shape;
  const int64_t channels = x[3], pixels = x[1] * x[2];
  return make_kernel([=](const Launch& launch) {
    parallel_tasks(context, x[0], [&](int64_t n) {
      const float* from = launch.f32(0) + n * pixels * channels;
      float* to = launch.out() + n * pixels * channels;
      std::vector<double> sums(static_cast<size_t>(channels));
      for (int64_t i = 0; i < pixels * channels; ++i)
        sums[static_cast<size_t>(i % channels)] += from[i];
      for (double& sum : sums) sum /= static_cast<double>(pixels);
      for (int64_t p = 0; p < pixels; ++p) std::copy(sums.begin(), sums.end(), to + p * channels);
    });
  });
}

}  // namespace drypoint::cpu

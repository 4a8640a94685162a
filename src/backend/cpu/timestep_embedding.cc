#include "ops/timestep_embedding.h"

#include <cmath>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const TimestepEmbedding& op, const KernelRequest& request, const Context&) {
  return make_kernel([=, rows = request.output.shape[0]](const Launch& launch) {
    const int64_t half = op.width / 2;
    for (int64_t s = 0; s < rows; ++s)
      for (int64_t i = 0; i < half; ++i) {
        // In float32 as PyTorch does: at t near 1000 the argument's rounding shows.
        const float frequency =
            std::exp(-std::log(10000.0f) * static_cast<float>(i) / static_cast<float>(half));
        const float angle = launch.f32(0)[s] * frequency;
        launch.out()[s * op.width + i] = std::cos(angle);
        launch.out()[s * op.width + half + i] = std::sin(angle);
      }
  });
}

}  // namespace drypoint::cpu

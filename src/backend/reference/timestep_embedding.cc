#include <cmath>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const TimestepEmbedding& op, const KernelRequest& request, const Launch& launch) {
  const int64_t half = op.width / 2;
  for (int64_t s = 0; s < request.output.shape[0]; ++s)
    for (int64_t i = 0; i < half; ++i) {
      // In float32 as the reference: at t near 1000 the argument's rounding shows.
      const float frequency =
          std::exp(-std::log(10000.0f) * static_cast<float>(i) / static_cast<float>(half));
      const float angle = launch.f32(0)[s] * frequency;
      launch.out()[s * op.width + i] = std::cos(angle);
      launch.out()[s * op.width + half + i] = std::sin(angle);
    }
}

}  // namespace drypoint::reference

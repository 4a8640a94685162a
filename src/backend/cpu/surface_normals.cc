#include "ops/surface_normals.h"

#include <cmath>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const SurfaceNormals&, const KernelRequest& request, const Context& context) {
  const int64_t rows = request.output.elements() / 4;
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, rows, elements_per_task / 4, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* x = launch.f32(0) + 4 * row;
        float* out = launch.out() + 4 * row;
        const float length = std::sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]) + 1e-10f;
        for (int64_t c = 0; c < 3; ++c) out[c] = x[c] / length;
        out[3] = (x[3] > 0 ? x[3] : std::expm1(x[3])) + 1.01f;
      }
    });
  });
}

}  // namespace drypoint::cpu

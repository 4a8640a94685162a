#include <algorithm>
#include <cmath>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Attention& op, const KernelRequest& request, const Launch& launch) {
  const Shape &q = request.inputs[0].shape, &k = request.inputs[1].shape;
  const int64_t v_width = request.inputs[2].shape[2], width = op.heads * op.head_size;
  const int64_t share = q[0] / k[0];
  const double scale = 1 / std::sqrt(static_cast<double>(op.head_size));
  parallel(q[0] * op.heads, [&](int64_t head) {
    const int64_t b = head / op.heads, h = head % op.heads;
    std::vector<double> weights(k[1]), sums(op.head_size);
    for (int64_t i = 0; i < q[1]; ++i) {
      const int64_t keys = op.causal ? std::min(i + 1, k[1]) : k[1], column = h * op.head_size;
      const float* query = launch.f32(0) + (b * q[1] + i) * q[2] + op.q_column + column;
      double largest = -INFINITY, total = 0;
      for (int64_t j = 0; j < keys; ++j) {
        const float* key = launch.f32(1) + (b / share * k[1] + j) * k[2] + op.k_column + column;
        double dot = 0;
        for (int64_t c = 0; c < op.head_size; ++c) dot += double{query[c]} * key[c];
        largest = std::max(largest, weights[j] = dot * scale);
      }
      for (int64_t j = 0; j < keys; ++j) total += weights[j] = std::exp(weights[j] - largest);
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int64_t j = 0; j < keys; ++j) {
        const float* value =
            launch.f32(2) + (b / share * k[1] + j) * v_width + op.v_column + column;
        for (int64_t c = 0; c < op.head_size; ++c) sums[c] += weights[j] * value[c];
      }
      for (int64_t c = 0; c < op.head_size; ++c)
        launch.out()[(b * q[1] + i) * width + column + c] = static_cast<float>(sums[c] / total);
    }
  });
}

}  // namespace drypoint::reference

#include "ops/average_pool.h"

#include "backend/cpu/pool.h"

namespace drypoint::cpu {

KernelPtr make(const AveragePool& op, const KernelRequest& request, const Context& context) {
  return make_pool(
      op, request, context, [](float* to, int64_t channels) { std::fill_n(to, channels, 0.0f); },
      [](const float* from, float* to, int64_t channels) {
        for (int64_t c = 0; c < channels; ++c) to[c] += from[c];
      },
      [](int64_t count, float* to, int64_t channels) {
        const float share = 1.0f / static_cast<float>(count);
        for (int64_t c = 0; c < channels; ++c) to[c] *= share;
      });
}

}  // namespace drypoint::cpu

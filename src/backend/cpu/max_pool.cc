#include "ops/max_pool.h"

#include <limits>

#include "backend/cpu/pool.h"

namespace drypoint::cpu {

KernelPtr make(const MaxPool& op, const KernelRequest& request, const Context& context) {
  return make_pool(
      op, request, context,
      [](float* to, int64_t channels) {
        std::fill_n(to, channels, -std::numeric_limits<float>::infinity());
      },
      [](const float* from, float* to, int64_t channels) {
        for (int64_t c = 0; c < channels; ++c) to[c] = from[c] > to[c] ? from[c] : to[c];
      },
      [](int64_t, float*, int64_t) {});
}

}  // namespace drypoint::cpu

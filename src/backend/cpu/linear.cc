#include "ops/linear.h"

#include "backend/cpu/gemm.h"

namespace drypoint::cpu {

KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context) {
  const Shape& w = request.inputs[1].shape;
  const int64_t depth = w[1];
  const auto read = [=](const float* x, int64_t row, int64_t, int64_t k, int64_t, float*) {
    return GemmRows{x + row * depth + k, depth};
  };
  return make_gemm({.rows = request.output.elements() / std::max<int64_t>(w[0], 1),
                    .columns = w[0],
                    .depth = depth,
                    .constant = request.constant[1],
                    .at = positions_of(op),
                    .activation = op.epilogue.activation},
                   context, read);
}

}  // namespace drypoint::cpu

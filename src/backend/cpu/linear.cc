#include "ops/linear.h"

#include <cstring>

#include "backend/cpu/gemm.h"

namespace drypoint::cpu {

KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context) {
  const Shape& w = request.inputs[1].shape;
  const DType factors = factors_of(request, context);
  const OperandPositions at = positions_of(op);
  const int64_t shares = at.input_scales < 0 ? 0 : request.inputs[at.input_scales].elements();
  const int64_t depth = w[1], pitch = depth * static_cast<int64_t>(size_of(factors));
  const bool in_place = factors == DType::f32 || pitch % 64 == 0;
  const auto read = [=](const std::byte* x, int64_t row, int64_t rows, int64_t begin, int64_t bytes,
                        std::byte* buffer) {
    x += row * pitch + begin;
    if (in_place) return GemmRows{x, pitch};
    const int64_t there = std::min(bytes, pitch - begin);
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(buffer + r * bytes, x + r * pitch, static_cast<size_t>(there));
      std::memset(buffer + r * bytes + there, 0, static_cast<size_t>(bytes - there));
    }
    return GemmRows{buffer, bytes};
  };
  return make_gemm({.rows = request.output.elements() / std::max<int64_t>(w[0], 1),
                    .columns = w[0],
                    .depth = depth,
                    .x_elements = request.inputs[0].elements(),
                    .constant = request.constant[1],
                    .factors = factors,
                    .at = at,
                    .input_scales = shares,
                    .activation = op.epilogue.activation},
                   context, read);
}

}  // namespace drypoint::cpu

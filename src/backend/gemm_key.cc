#include "backend/gemm_key.h"

#include <fmt/format.h>

namespace drypoint {

std::string gemm_key(const Conv2d& op, Inputs inputs, const TensorType& output) {
  const Shape &x = inputs[0].shape, &w = inputs[1].shape, &y = output.shape;
  // Of an enlarged picture, 2x2 pixels of the result are four results of the pixel they came from.
  const int64_t taps = op.upsample ? 4 : filter_height(op, w) * filter_width(op, w);
  const int64_t pixels = op.upsample ? x[1] * x[2] : y[1] * y[2];
  std::string key = fmt::format("gemm {} {}x{} rows {} columns {}x{}", name(inputs[0].dtype),
                                op.groups, y[0] / op.groups * pixels, w[0] / op.groups, x[3], taps);
  if (taps > 1 || op.stride > 1) key += fmt::format(" of {}x{} stride {}", x[1], x[2], op.stride);
  if (op.upsample) key += " upsample";
  for (const TensorType& rest : inputs.last(op.concat))
    key += fmt::format(" concat {}", rest.shape.back());
  return key + (op.epilogue.residual ? " residual" : "");
}

std::string gemm_key(const Linear& op, Inputs inputs, const TensorType& /*output*/) {
  const Shape &x = inputs[0].shape, &w = inputs[1].shape;
  std::string key = fmt::format("gemm {} {}x{} rows {} columns {}x1{}", name(inputs[0].dtype),
                                op.groups, element_count(x) / x.back() / op.groups,
                                w[0] / op.groups, w[1], op.epilogue.gate ? " gated" : "");
  if (op.concat) key += fmt::format(" concat {}", inputs.back().shape.back());
  if (op.normed) key += " normed";
  return key + (op.epilogue.residual ? " residual" : "");
}

}  // namespace drypoint

#include "ops/attention.h"

#include "ops/quantize.h"

namespace drypoint {

TensorType infer(const Attention& op, Inputs inputs) {
  const bool quantizes = op.quantize != DType::f32;
  expect_input(inputs.size() == 3u + quantizes, op.name, "{} inputs, expected {}", inputs.size(),
               3 + quantizes);
  const Shape &q = inputs[0].shape, &k = inputs[1].shape, &v = inputs[2].shape;
  expect_input(q.size() == 3 && k.size() == 3 && v.size() == 3, op.name, "q {}, k {}, v {}", q, k,
               v);
  expect_input(k[0] == v[0] && k[1] == v[1] && k[0] > 0 && q[0] % k[0] == 0, op.name,
               "k {} and v {} for q {}", k, v, q);
  const int64_t width = op.heads * op.head_size;
  expect_input(op.heads > 0 && op.head_size > 0 && op.q_column >= 0 && op.k_column >= 0 &&
                   op.v_column >= 0 && op.q_column + width <= q[2] && op.k_column + width <= k[2] &&
                   op.v_column + width <= v[2],
               op.name, "{} heads of {} in q {}, k {}, v {}", op.heads, op.head_size, q, k, v);
  const TensorType out{inputs[0].dtype, {q[0], q[1], width}};
  return quantizes ? quantized(op.name, out, op.quantize, inputs[3]) : out;
}

}  // namespace drypoint

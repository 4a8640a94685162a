#include "ops/attention.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/attention_sm90.cuh"

namespace drypoint::cuda {
namespace {

constexpr int warps = 4, most_columns = 16;  // columns of the result that a lane has: heads of 512

/// The same for any type and head size: a warp for each query, a lane for each key.
/// Grid: tiles of `warps` queries, heads, batch. Shared: a query for each warp.
template <class T>
__global__ void attention_any(const T* q, const T* k, const T* v, T* out, AttentionShape s,
                              int head_size) {
  extern __shared__ float queries[];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int query = blockIdx.x * warps + warp, head = blockIdx.y, batch = blockIdx.z;
  float* own = queries + warp * head_size;
  wait_for_previous();
  let_next_begin();
  if (query >= s.queries) return;
  const T* from = q + (int64_t{batch} * s.queries + query) * s.q_pitch + head * head_size;
  for (int c = lane; c < head_size; c += 32) own[c] = to_float(from[c]) * s.scale;
  __syncwarp();
  k += int64_t{batch / s.share} * s.keys * s.k_pitch + head * head_size;
  v += int64_t{batch / s.share} * s.keys * s.v_pitch + head * head_size;
  const int keys = s.causal ? min(s.keys, query + 1) : s.keys;
  float largest = -INFINITY, total = 0, values[most_columns] = {};
  for (int first = 0; first < keys; first += 32) {
    const int key = first + lane;
    float score = -INFINITY;
    if (key < keys) {
      const T* row = k + int64_t{key} * s.k_pitch;
      score = 0;
      for (int c = 0; c < head_size; ++c) score += own[c] * to_float(row[c]);
    }
    float now = score;
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2)
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, offset));
    now = fmaxf(now, largest);
    const float shrink = exp2f(largest - now), weight = exp2f(score - now);
    largest = now;
    total = total * shrink + warp_sum(weight);
#pragma unroll
    for (int i = 0; i < most_columns; ++i) values[i] *= shrink;
    for (int j = 0; j < min(32, keys - first); ++j) {
      const float of_key = __shfl_sync(0xffffffffu, weight, j);
      const T* row = v + int64_t{first + j} * s.v_pitch;
#pragma unroll
      for (int i = 0; i < most_columns; ++i)
        if (i * 32 + lane < head_size) values[i] += of_key * to_float(row[i * 32 + lane]);
    }
  }
  const int row = batch * s.queries + query;
  const int64_t at = int64_t{row} * s.out_pitch + head * head_size;
  const float factor = s.to.factor(row);
#pragma unroll
  for (int i = 0; i < most_columns; ++i)
    if (const int column = i * 32 + lane; column < head_size)
      store_one(s.to, out, at + column, values[i] / total, factor);
}

}  // namespace

KernelPtr make(const Attention& op, const KernelRequest& request, const Context& context) {
  const Shape &q = request.inputs[0].shape, &k = request.inputs[1].shape,
              &v = request.inputs[2].shape;
  const auto as_int = [](int64_t n) { return static_cast<int>(n); };
  const int head_size = as_int(op.head_size), batch = as_int(q[0]);
  AttentionShape s{};
  s.heads = as_int(op.heads), s.queries = as_int(q[1]), s.keys = as_int(k[1]);
  s.share = as_int(q[0] / k[0]);
  s.q_pitch = as_int(q[2]), s.k_pitch = as_int(k[2]), s.v_pitch = as_int(v[2]);
  s.out_pitch = as_int(op.heads * op.head_size);
  s.scale = 1.44269504f / std::sqrt(static_cast<float>(head_size));
  s.causal = op.causal;
  s.pictures = as_int(request.pictures);
  const bool in_tiles = (op.q_column | op.k_column | op.v_column | q[2] | k[2] | v[2]) % 8 == 0 &&
                        context.multiplies(request.inputs[0].dtype);
  if (head_size > 32 * most_columns)
    fail(ErrorKind::unsupported, "{}: {} with heads of {}, expected at most {}, on device cuda",
         request.module, op.name, head_size, 32 * most_columns);
  if (op.quantize != DType::f32)
    s.to = eight_bits_of(op.quantize, request.inputs[3], int64_t{batch} * s.queries);
  return make_kernel([=, &context, dtype = request.inputs[0].dtype,
                      without_scales = s](const Launch& l) {
    AttentionShape s = without_scales;
    if (op.quantize != DType::f32) s.to.scales = l.f32(3);
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      const T *from_q = static_cast<const T*>(l.inputs[0]) + op.q_column,
              *from_k = static_cast<const T*>(l.inputs[1]) + op.k_column,
              *from_v = static_cast<const T*>(l.inputs[2]) + op.v_column;
      T* out = static_cast<T*>(l.output);
      if constexpr (sizeof(T) == 2) {
        if (in_tiles && context.hopper) {
          const KeysAndValues from{l.inputs[1],
                                   l.inputs[2],
                                   int64_t{batch / s.share} * s.keys,
                                   {as_int(op.k_column), as_int(op.v_column)}};
          if (launch_attention_sm90(context, head_size, batch, from_q, from, out, s)) return;
        }
      }
      if (in_tiles && launch_attention(context, head_size, batch, from_q, from_k, from_v, out, s))
        return;
      const dim3 grid(static_cast<unsigned>(ceil_div(s.queries, warps)),
                      static_cast<unsigned>(s.heads), static_cast<unsigned>(batch));
      launch(context, attention_any<T>, grid, 32 * warps,
             static_cast<size_t>(warps) * head_size * sizeof(float), 1, from_q, from_k, from_v, out,
             s, head_size);
    });
  });
}

}  // namespace drypoint::cuda

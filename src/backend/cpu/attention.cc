// Attention without the score matrix (https://arxiv.org/abs/2205.14135): each task takes a block of
// queries of one head past all blocks of keys, keeping for each query the largest score so far, the
// sum of the weights and the weighted sum of the values, rescaled whenever a larger score turns up.
// Queries run along the vectors (scores and sums are transposed), so that keys and values are read
// where they are and nothing is ever added up across a vector.
#include "backend/cpu/attention.h"

#include "base/vector_targets.h"
#include "ops/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/attention.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

constexpr int64_t stride = Head::query_block;  // of everything in scratch

/// Turns the scores of `keys` keys for one vector of queries into weights 2^(score - largest so
/// far), and rescales what was summed up before.
HWY_INLINE void weigh(float* scores, int64_t keys, float* largest, float* totals, float* sums,
                      int64_t size) {
  const F32 d;
  const Vector before = hn::Load(d, largest);
  Vector even = before, odd = before;
  int64_t j = 0;
  for (; j + 2 <= keys; j += 2) {
    even = hn::Max(even, hn::Load(d, scores + j * stride));
    odd = hn::Max(odd, hn::Load(d, scores + (j + 1) * stride));
  }
  if (j < keys) even = hn::Max(even, hn::Load(d, scores + j * stride));
  const Vector top = hn::Max(even, odd);
  Vector total = hn::Zero(d);
  for (j = 0; j < keys; ++j) {
    const Vector weight = exp2(d, hn::Sub(hn::Load(d, scores + j * stride), top));
    hn::Store(weight, d, scores + j * stride);
    total = hn::Add(total, weight);
  }
  const Vector rescale = exp2(d, hn::Sub(before, top));
  hn::Store(top, d, largest);
  hn::Store(hn::MulAdd(hn::Load(d, totals), rescale, total), d, totals);
  for (int64_t c = 0; c < size; ++c)
    hn::Store(hn::Mul(hn::Load(d, sums + c * stride), rescale), d, sums + c * stride);
}

/// Queries [first, first + query_block) of the head.
void attend(const Head& head, int64_t first, float* scratch) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t count = HWY_MIN(Head::query_block, head.queries - first);
  const int64_t width = round_up(count, 16);  // whole vectors
  float *queries = scratch, *sums = queries + head.size * stride;
  float *scores = sums + head.size * stride, *largest = scores + Head::key_block * stride;
  float* totals = largest + stride;

  // Scores to the base 2, divided by the square root of the head's size.
  const float scale = 1.44269504f / __builtin_sqrtf(static_cast<float>(head.size));
  for (int64_t c = 0; c < head.size; ++c)
    for (int64_t i = 0; i < width; ++i) {
      const float query = i < count ? head.q[(first + i) * head.q_stride + c] : 0.0f;
      queries[c * stride + i] = query * scale;
      sums[c * stride + i] = 0;
    }
  for (int64_t i = 0; i < width; ++i) largest[i] = -3e38f, totals[i] = 0;

  const int64_t seen = head.causal ? HWY_MIN(head.keys, first + count) : head.keys;
  for (int64_t key = 0; key < seen; key += Head::key_block) {
    const int64_t keys = HWY_MIN(Head::key_block, seen - key);
    gemm({.a = head.k + key * head.k_stride,
          .a_stride = head.k_stride,
          .b = queries,
          .b_stride = stride,
          .c = scores,
          .c_stride = stride,
          .depth = head.size},
         keys, width);
    if (head.causal)
      for (int64_t j = 0; j < keys; ++j)  // key + j is hidden from earlier queries
        for (int64_t i = 0; i < HWY_MIN(width, key + j - first); ++i)
          scores[j * stride + i] = -3e38f;
    for (int64_t i = 0; i < width; i += lanes)
      weigh(scores + i, keys, largest + i, totals + i, sums + i, head.size);
    gemm({.a = head.v + key * head.v_stride,
          .a_stride = 1,
          .a_step = head.v_stride,
          .b = scores,
          .b_stride = stride,
          .c = sums,
          .c_stride = stride,
          .depth = keys,
          .add = true},
         head.size, width);
  }
  for (int64_t i = 0; i < count; ++i) {
    float* out = head.out + (first + i) * head.out_stride;
    const float share = 1 / totals[i];
    for (int64_t c = 0; c < head.size; ++c) out[c] = sums[c * stride + i] * share;
  }
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(attend);

KernelPtr make(const Attention& op, const KernelRequest& request, const Context& context) {
  const Shape &q = request.inputs[0].shape, &k = request.inputs[1].shape;
  const int64_t batch = q[0], share = q[0] / k[0], width = op.heads * op.head_size;
  const Head shape{.q_stride = q[2],
                   .k_stride = k[2],
                   .v_stride = request.inputs[2].shape[2],
                   .out_stride = width,
                   .queries = q[1],
                   .keys = k[1],
                   .size = op.head_size,
                   .causal = op.causal};
  const int64_t blocks = (q[1] + Head::query_block - 1) / Head::query_block;

  const auto run = [=](const Launch& launch) {
    context.pool->run(batch * op.heads * blocks, [&](int64_t i, int thread) {
      const int64_t block = i % blocks, h = i / blocks % op.heads, b = i / blocks / op.heads;
      const int64_t column = h * op.head_size;
      Head head = shape;
      head.q = launch.f32(0) + b * q[1] * q[2] + op.q_column + column;
      head.k = launch.f32(1) + b / share * k[1] * head.k_stride + op.k_column + column;
      head.v = launch.f32(2) + b / share * k[1] * head.v_stride + op.v_column + column;
      head.out = launch.out() + b * q[1] * width + column;
      HWY_DYNAMIC_DISPATCH(attend)
      (head, block * Head::query_block,
       static_cast<float*>(launch.workspace) + thread * shape.scratch());
    });
  };
  return make_kernel(run, static_cast<size_t>(context.threads() * shape.scratch()) * sizeof(float));
}

}  // namespace drypoint::cpu
#endif

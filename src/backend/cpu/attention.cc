// Attention without the score matrix (https://arxiv.org/abs/2205.14135): each task takes a block of
// queries of one head past all blocks of keys, keeping for each query the largest score so far, the
// sum of the weights and the weighted sum of the values, rescaled whenever a larger score turns up.
#include "ops/attention.h"

#include <omp.h>

#include <cmath>

#include "backend/cpu/attention_head.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/attention.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "backend/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drypoint::cpu::HWY_NAMESPACE {

/// Block `block` of the keys and values, packed as Head says.
void pack_block(const Head& head, int64_t block, float* keys, float* values) {
  const int64_t first = block * key_block, padded = head.padded_size();
  const int64_t count = HWY_MIN(key_block, head.keys - first);
  for (int64_t j = 0; j < key_block; ++j) {
    const float* key = head.k + (first + j) * head.k_stride;
    for (int64_t c = 0; c < head.size; ++c) keys[c * key_block + j] = j < count ? key[c] : 0.0f;
  }
  for (int64_t j = 0; j < key_block; ++j) {
    const float* value = head.v + (first + j) * head.v_stride;
    for (int64_t c = 0; c < padded; ++c)
      values[j * padded + c] = j < count && c < head.size ? value[c] : 0.0f;
  }
}

/// Turns `count` scores into weights relative to the largest so far, which it updates; the rest of
/// the row up to key_block becomes zero. Returns what earlier weights are to be multiplied by.
HWY_INLINE float weigh(float* scores, int64_t count, float& largest, float& total) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = count; j < key_block; ++j) scores[j] = -3e38f;
  Vector most = hn::Set(d, largest);
  for (int64_t j = 0; j < key_block; j += lanes) most = hn::Max(most, hn::Load(d, scores + j));
  const float before = largest;
  largest = hn::GetLane(hn::MaxOfLanes(d, most));

  const Vector top = hn::Set(d, largest);
  Vector sum = hn::Zero(d);
  for (int64_t j = 0; j < key_block; j += lanes) {
    const Vector weight = exp(d, hn::Sub(hn::Load(d, scores + j), top));
    hn::Store(weight, d, scores + j);
    sum = hn::Add(sum, weight);
  }
  const float rescale = hn::GetLane(exp(d, hn::Set(d, before - largest)));
  total = total * rescale + hn::GetLane(hn::SumOfLanes(d, sum));
  return rescale;
}

/// Queries [first, first + query_block) of the head.
void attend(const Head& head, int64_t first, const float* keys, const float* values,
            float* scratch) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), padded = head.padded_size();
  const int64_t rows = HWY_MIN(query_block, head.queries - first);
  float *queries = scratch, *scores = queries + query_block * padded;
  float *sums = scores + query_block * key_block, *largest = sums + query_block * padded;
  float* totals = largest + query_block;

  const float scale = 1 / __builtin_sqrtf(static_cast<float>(head.size));
  for (int64_t r = 0; r < rows; ++r) {
    const float* query = head.q + (first + r) * head.q_stride;
    for (int64_t c = 0; c < head.size; ++c) queries[r * padded + c] = query[c] * scale;
    largest[r] = -3e38f, totals[r] = 0;
  }
  const int64_t seen = head.causal ? HWY_MIN(head.keys, first + rows) : head.keys;
  for (int64_t key = 0; key < seen; key += key_block) {
    product(
        {queries, padded, keys + key * head.size, key_block, scores, key_block, head.size, false},
        rows, key_block);
    for (int64_t r = 0; r < rows; ++r) {
      int64_t count = HWY_MIN(key_block, head.keys - key);
      if (head.causal) count = HWY_MAX(HWY_MIN(count, first + r + 1 - key), 0);
      const Vector rescale =
          hn::Set(d, weigh(scores + r * key_block, count, largest[r], totals[r]));
      if (key > 0)
        for (int64_t c = 0; c < padded; c += lanes)
          hn::StoreU(hn::Mul(hn::LoadU(d, sums + r * padded + c), rescale), d,
                     sums + r * padded + c);
    }
    product({scores, key_block, values + key * padded, padded, sums, padded, key_block, key > 0},
            rows, padded);
  }
  for (int64_t r = 0; r < rows; ++r) {
    float* out = head.out + (first + r) * head.out_stride;
    for (int64_t c = 0; c < head.size; ++c) out[c] = sums[r * padded + c] / totals[r];
  }
}

}  // namespace drypoint::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drypoint::cpu {
HWY_EXPORT(pack_block);
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
  const int64_t packed_keys = shape.packed_keys(), packed_values = shape.packed_values();
  const int64_t pairs = k[0] * op.heads, query_blocks = (q[1] + query_block - 1) / query_block;
  // Workspace: packed keys and values of each row of k and head, then scratch of each thread.
  const int64_t packed = pairs * (packed_keys + packed_values);
  const int64_t scratch = round_up(shape.scratch(), most_lanes);

  const auto run = [=](const Launch& launch) {
    float* workspace = static_cast<float*>(launch.workspace);
    const auto keys_of = [&](int64_t row, int64_t h) {
      return workspace + (row * op.heads + h) * (packed_keys + packed_values);
    };
    const auto head_of = [&](int64_t b, int64_t h) {
      Head head = shape;
      const int64_t column = h * op.head_size;
      head.q = launch.f32(0) + b * q[1] * q[2] + op.q_column + column;
      head.k = launch.f32(1) + b / share * k[1] * head.k_stride + op.k_column + column;
      head.v = launch.f32(2) + b / share * k[1] * head.v_stride + op.v_column + column;
      head.out = launch.out() + b * q[1] * width + column;
      return head;
    };
    parallel_tasks(context, pairs * shape.blocks(), [&](int64_t i) {
      const int64_t block = i % shape.blocks(), pair = i / shape.blocks();
      const int64_t row = pair / op.heads, h = pair % op.heads;
      HWY_DYNAMIC_DISPATCH(pack_block)
      (head_of(row * share, h), block, keys_of(row, h) + block * key_block * shape.size,
       keys_of(row, h) + packed_keys + block * key_block * shape.padded_size());
    });
    parallel_tasks(context, batch * op.heads * query_blocks, [&](int64_t i) {
      const int64_t block = i % query_blocks, pair = i / query_blocks;
      const int64_t b = pair / op.heads, h = pair % op.heads;
      const float* keys = keys_of(b / share, h);
      HWY_DYNAMIC_DISPATCH(attend)
      (head_of(b, h), block * query_block, keys, keys + packed_keys,
       workspace + packed + omp_get_thread_num() * scratch);
    });
  };
  return make_kernel(run, static_cast<size_t>(packed + context.threads * scratch) * sizeof(float));
}

}  // namespace drypoint::cpu
#endif

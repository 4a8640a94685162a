// What attention's vector code and its driver share.
#pragma once

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

/// One head of one sample: its rows of q, k, v and out.
struct Head {
  static constexpr int64_t query_block = 48;  // queries of a task: three vectors of AVX-512
  static constexpr int64_t key_block = 128;

  const float *q, *k, *v;
  float* out;
  int64_t q_stride, k_stride, v_stride, out_stride;
  int64_t queries, keys, size;
  bool causal;

  /// Floats that a task needs: queries and sums [size, query_block], scores
  /// [key_block, query_block], and two numbers for each query.
  int64_t scratch() const { return query_block * (2 * size + key_block + 2); }
};

}  // namespace drypoint::cpu

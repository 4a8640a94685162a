// What attention's vector code and its driver share.
#pragma once

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {
inline constexpr int64_t query_block = 48;  // rows; a multiple of the product's 12
inline constexpr int64_t key_block = 128;
inline constexpr int64_t most_lanes = 16;

/// One head of one sample: its rows of q, k, v and out.
struct Head {
  const float *q, *k, *v;
  float* out;
  int64_t q_stride, k_stride, v_stride, out_stride;
  int64_t queries, keys, size;
  bool causal;

  int64_t padded_size() const { return round_up(size, most_lanes); }
  int64_t blocks() const { return (keys + key_block - 1) / key_block; }
  /// Floats of the keys, transposed in blocks [size, key_block], and of the values
  /// [keys, padded size], all filled up with zeros.
  int64_t packed_keys() const { return blocks() * key_block * size; }
  int64_t packed_values() const { return blocks() * key_block * padded_size(); }
  /// Floats that a task needs: scaled queries, scores, sums, and two numbers for each query.
  int64_t scratch() const {
    return query_block * (round_up(size, most_lanes) + key_block + padded_size() + 2);
  }
};

}  // namespace drypoint::cpu

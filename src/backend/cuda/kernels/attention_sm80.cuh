// Attention in half precision for all GPUs from compute capability 7.5 on, in the manner of
// FlashAttention 2 (https://arxiv.org/abs/2307.08691): a warp has 16 or 32 queries in registers,
// and their scores go from one product to the next without leaving these. The next keys and values
// are on their way to shared memory meanwhile.
#pragma once

#include "backend/cuda/kernels/attention.cuh"

namespace drypoint::cuda {

/// Four warps of `warp_rows` queries each, `key_rows` keys at a time.
template <int head_size, int warp_rows, int key_rows, int blocks_at_once>
struct FlashTile {
  static constexpr int warps = 4, threads = 32 * warps, at_once = blocks_at_once;
  static constexpr int rows = warps * warp_rows, keys = key_rows, depth = head_size;
  static constexpr int down = warp_rows / 16;
  static constexpr int steps = head_size / 16;  // and half of one, where 8 columns are left
  static constexpr bool has_half = head_size % 16 != 0;
  /// An odd number of 16 bytes, so that eight rows lie in different banks.
  static constexpr int pitch = head_size / 8 % 2 == 1 ? head_size : head_size + 8;
  static constexpr int tile_bytes = key_rows * pitch * 2;
  static_assert(head_size % 8 == 0 && key_rows % 16 == 0 &&
                (!has_half || key_rows % 32 == 0 || key_rows == 80));
};

/// A warp's queries as the left factor.
template <class Tile>
struct Queries {
  uint32_t whole[Tile::down][Tile::steps][4], half_step[Tile::down][2];

  /// `q`: the warp's first row, the lane's first column; zeros from row `there` on.
  template <class T>
  __device__ void load(const T* q, int64_t pitch, int there) {
    const int row = threadIdx.x % 32 / 4;
    const auto two = [&](int r, int column) {
      return r < there ? *reinterpret_cast<const uint32_t*>(q + r * pitch + column) : 0;
    };
#pragma unroll
    for (int m = 0; m < Tile::down; ++m) {
#pragma unroll
      for (int d = 0; d < Tile::steps; ++d)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          whole[m][d][i] = two(m * 16 + row + i % 2 * 8, d * 16 + i / 2 * 8);
      if constexpr (Tile::has_half)
#pragma unroll
        for (int i = 0; i < 2; ++i) half_step[m][i] = two(m * 16 + row + i * 8, Tile::steps * 16);
    }
  }
};

template <class Tile>
using Scores = float[Tile::down][Tile::keys / 8][4];

/// scores = queries times the tile's keys, which begin at `keys` in shared memory.
template <class Tile, class T>
__device__ inline void multiply_keys(Scores<Tile>& scores, const Queries<Tile>& queries,
                                     uint32_t keys) {
  const int lane = threadIdx.x % 32;
  const uint32_t rows = keys + ((lane / 16 * 8 + lane % 8) * Tile::pitch + lane / 8 % 2 * 8) * 2;
#pragma unroll
  for (int m = 0; m < Tile::down; ++m)
#pragma unroll
    for (int n = 0; n < Tile::keys / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) scores[m][n][i] = 0;
#pragma unroll
  for (int d = 0; d < Tile::steps; ++d)
#pragma unroll
    for (int n = 0; n < Tile::keys / 16; ++n) {
      uint32_t b[4];
      load_matrices(b, rows + (n * 16 * Tile::pitch + d * 16) * 2);
#pragma unroll
      for (int m = 0; m < Tile::down; ++m) {
        mma<T>(scores[m][2 * n], queries.whole[m][d], b[0], b[1]);
        mma<T>(scores[m][2 * n + 1], queries.whole[m][d], b[2], b[3]);
      }
    }
  if constexpr (Tile::has_half) {  // the last 8 columns, of 32 keys at once
    const uint32_t last = keys + (lane * Tile::pitch + Tile::steps * 16) * 2;
#pragma unroll
    for (int n = 0; n < Tile::keys / 8; n += 4) {
      uint32_t b[4];
      const bool beyond = n + 4 > Tile::keys / 8;  // then there are 16 alone
      load_matrices(b, beyond ? keys + ((n * 8 + lane % 16) * Tile::pitch + Tile::steps * 16) * 2
                              : last + n * 8 * Tile::pitch * 2);
#pragma unroll
      for (int m = 0; m < Tile::down; ++m)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (n + i < Tile::keys / 8)
            mma_half_depth<T>(scores[m][n + i], queries.half_step[m][0], queries.half_step[m][1],
                              b[i]);
    }
  }
}

/// results += scores times the tile's values, which begin at `values` in shared memory.
template <class Tile, class T>
__device__ inline void multiply_values(float (&results)[Tile::down][Tile::depth / 8][4],
                                       const Scores<Tile>& scores, uint32_t values) {
  const int lane = threadIdx.x % 32;
  const uint32_t rows = values + (lane % 16 * Tile::pitch + lane / 16 * 8) * 2;
#pragma unroll
  for (int n = 0; n < Tile::keys / 16; ++n) {
    uint32_t a[Tile::down][4];
#pragma unroll
    for (int m = 0; m < Tile::down; ++m)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        a[m][i] = pack_two<T>(scores[m][2 * n + i / 2][i % 2 * 2],
                              scores[m][2 * n + i / 2][i % 2 * 2 + 1]);
#pragma unroll
    for (int c = 0; c < Tile::depth / 8; c += 2) {
      uint32_t b[4];
      if (c + 1 < Tile::depth / 8)
        load_matrices_transposed(b, rows + (n * 16 * Tile::pitch + c * 8) * 2);
      else  // the last eight columns
        load_two_matrices_transposed(b, values + ((n * 16 + lane % 16) * Tile::pitch + c * 8) * 2);
#pragma unroll
      for (int m = 0; m < Tile::down; ++m) {
        mma<T>(results[m][c], a[m], b[0], b[1]);
        if (c + 1 < Tile::depth / 8) mma<T>(results[m][c + 1], a[m], b[2], b[3]);
      }
    }
  }
}

/// Grid: tiles of queries, heads, batch.
template <class Tile, class T>
__global__ void __launch_bounds__(Tile::threads, Tile::at_once)
    attention_sm80(const T* q, const T* k, const T* v, T* out, AttentionShape s) {
  if constexpr (!has_mma<T>) return;
  extern __shared__ __align__(128) unsigned char shared[];
  const uint32_t base = shared_address(shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int head = blockIdx.y, batch = blockIdx.z, batch_of_keys = batch / s.share;
  const int first_query = blockIdx.x * Tile::rows,
            warp_query = first_query + warp * Tile::down * 16;
  k += int64_t{batch_of_keys} * s.keys * s.k_pitch + head * Tile::depth;
  v += int64_t{batch_of_keys} * s.keys * s.v_pitch + head * Tile::depth;
  const int keys = s.causal ? min(s.keys, first_query + Tile::rows) : s.keys;

  // Keys before values; each is there twice.
  const auto copy = [&](uint32_t to, const T* from, int64_t from_pitch, int there) {
    constexpr int vectors = Tile::depth / 8;
#pragma unroll
    for (int first = 0; first < Tile::keys * vectors; first += Tile::threads) {
      const int i = first + threadIdx.x;
      if (Tile::keys * vectors % Tile::threads != 0 && i >= Tile::keys * vectors) break;
      const int row = i / vectors, column = i % vectors * 8;
      copy_async(to + (row * Tile::pitch + column) * 2, from + row * from_pitch + column,
                 row < there);
    }
  };
  const auto copy_tile = [&](int first_key, int slot) {
    const uint32_t to = base + slot * 2 * Tile::tile_bytes;
    copy(to, k + int64_t{first_key} * s.k_pitch, s.k_pitch, s.keys - first_key);
    copy(to + Tile::tile_bytes, v + int64_t{first_key} * s.v_pitch, s.v_pitch, s.keys - first_key);
    commit_copies();
  };

  wait_for_previous();
  let_next_begin();
  copy_tile(0, 0);
  Queries<Tile> queries;
  queries.load(
      q + (int64_t{batch} * s.queries + warp_query) * s.q_pitch + head * Tile::depth + lane % 4 * 2,
      s.q_pitch, s.queries - warp_query);
  float results[Tile::down][Tile::depth / 8][4] = {};
  float largest[Tile::down][2], total[Tile::down][2] = {};
#pragma unroll
  for (int m = 0; m < Tile::down; ++m) largest[m][0] = largest[m][1] = -INFINITY;

#pragma unroll 1
  for (int first_key = 0, slot = 0; first_key < keys; first_key += Tile::keys, slot ^= 1) {
    wait_for_copies<0>();
    __syncthreads();
    if (first_key + Tile::keys < keys) copy_tile(first_key + Tile::keys, slot ^ 1);
    const uint32_t tile = base + slot * 2 * Tile::tile_bytes;
    Scores<Tile> scores;
    multiply_keys<Tile, T>(scores, queries, tile);
    // Keys beyond the end, or after the query.
    if (first_key + Tile::keys > s.keys || (s.causal && first_key + Tile::keys > warp_query)) {
#pragma unroll
      for (int m = 0; m < Tile::down; ++m)
#pragma unroll
        for (int n = 0; n < Tile::keys / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const int key = first_key + n * 8 + lane % 4 * 2 + i % 2;
            const int query = warp_query + m * 16 + lane / 4 + i / 2 * 8;
            if (key >= s.keys || (s.causal && key > query)) scores[m][n][i] = -INFINITY;
          }
    }
    // Running maxima; the sums so far shrink with them.
#pragma unroll
    for (int m = 0; m < Tile::down; ++m)
#pragma unroll
      for (int side = 0; side < 2; ++side) {
        float now = largest[m][side];
#pragma unroll
        for (int n = 0; n < Tile::keys / 8; ++n)
          now = fmaxf(now, fmaxf(scores[m][n][side * 2], scores[m][n][side * 2 + 1]));
        now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
        now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
        const float base_of_row = now * s.scale;
        const float shrink = exp2_fast(fmaf(largest[m][side], s.scale, -base_of_row));
        largest[m][side] = now;
        float sum = 0;
#pragma unroll
        for (int n = 0; n < Tile::keys / 8; ++n)
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            float& score = scores[m][n][side * 2 + i];
            score = exp2_fast(fmaf(score, s.scale, -base_of_row));
            sum += score;
          }
        total[m][side] = fmaf(total[m][side], shrink, sum);
#pragma unroll
        for (int c = 0; c < Tile::depth / 8; ++c) {
          results[m][c][side * 2] *= shrink;
          results[m][c][side * 2 + 1] *= shrink;
        }
      }
    multiply_values<Tile, T>(results, scores, tile + Tile::tile_bytes);
  }

#pragma unroll
  for (int m = 0; m < Tile::down; ++m)
#pragma unroll
    for (int side = 0; side < 2; ++side) {
      float sum = total[m][side];
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      const int query = warp_query + m * 16 + lane / 4 + side * 8;
      if (query >= s.queries) continue;
      const float inverse = 1.0f / sum;
      const int row = batch * s.queries + query;
      const int64_t at = int64_t{row} * s.out_pitch + head * Tile::depth + lane % 4 * 2;
      const float factor = s.to.factor(row);
#pragma unroll
      for (int c = 0; c < Tile::depth / 8; ++c)
        store_two(s.to, out, at + c * 8, results[m][c][side * 2] * inverse,
                  results[m][c][side * 2 + 1] * inverse, factor);
    }
}

template <class Tile, class T>
void launch_flash_tile(const Context& context, int batch, const T* q, const T* k, const T* v,
                       T* out, const AttentionShape& s) {
  const auto kernel = attention_sm80<Tile, T>;
  const int shared_bytes = (s.keys <= Tile::keys ? 2 : 4) * Tile::tile_bytes;
  DRYPOINT_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  const dim3 grid(static_cast<unsigned>(ceil_div(s.queries, Tile::rows)),
                  static_cast<unsigned>(s.heads), static_cast<unsigned>(batch));
  launch(context, kernel, grid, dim3(Tile::threads), shared_bytes, 1, q, k, v, out, s);
}

/// Roughly how long `blocks` blocks take, each with so much to do: the last round of them is not as
/// much shorter as it has fewer blocks.
inline double time_of_blocks(int64_t blocks, double work, int at_once, const Context& context) {
  const int64_t room = int64_t{at_once} * context.multiprocessors(), rest = blocks % room;
  const auto resident = static_cast<double>(ceil_div(rest, context.multiprocessors()));
  return work *
         (static_cast<double>(blocks / room) * at_once + (rest > 0 ? (at_once + resident) / 2 : 0));
}

/// Few keys, as those of a prompt, are one tile. A warp has 32 queries where `at_once_of_32` is not
/// 0 and that is faster; neither that nor which block it is changes their sums.
template <int head_size, int key_rows, int at_once_of_32, int at_once, int few_at_once, class T>
void launch_flash_head(const Context& context, int batch, const T* q, const T* k, const T* v,
                       T* out, const AttentionShape& s) {
  if (s.keys <= 80)
    return launch_flash_tile<FlashTile<head_size, 16, 80, few_at_once>>(context, batch, q, k, v,
                                                                        out, s);
  const auto blocks = [&](int rows) { return ceil_div(s.queries, rows) * s.heads * batch; };
  if constexpr (at_once_of_32 > 0)
    if (time_of_blocks(blocks(128), 2, at_once_of_32, context) <
        time_of_blocks(blocks(64), 1.25, at_once, context))
      return launch_flash_tile<FlashTile<head_size, 32, key_rows, at_once_of_32>>(context, batch, q,
                                                                                  k, v, out, s);
  launch_flash_tile<FlashTile<head_size, 16, key_rows, at_once>>(context, batch, q, k, v, out, s);
}

/// As `launch_attention`, see there.
template <class T>
bool launch_attention_sm80_here(const Context& context, int head_size, int batch, const T* q,
                                const T* k, const T* v, T* out, const AttentionShape& s) {
  switch (head_size) {
    case 40: launch_flash_head<40, 64, 3, 4, 4>(context, batch, q, k, v, out, s); break;
    case 64: launch_flash_head<64, 64, 2, 3, 3>(context, batch, q, k, v, out, s); break;
    case 80: launch_flash_head<80, 64, 0, 3, 3>(context, batch, q, k, v, out, s); break;
    case 160: launch_flash_head<160, 32, 0, 2, 2>(context, batch, q, k, v, out, s); break;
    default: return false;
  }
  return true;
}

}  // namespace drypoint::cuda

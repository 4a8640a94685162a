// Hopper's attention: the copy engine brings keys and values, one warpgroup orders the copies, each
// of the others has 64 queries of a head (as https://arxiv.org/abs/2407.08608).
#pragma once

#include "backend/cuda/kernels/attention.cuh"
#include "backend/cuda/kernels/tma.cuh"
#include "backend/cuda/kernels/wgmma.cuh"
#include "backend/cuda/tensor_map.h"

namespace drypoint::cuda {

/// Tiles lie as columns of 64 elements, 128 bytes a row, in the 128-byte swizzle.
/// As many `blocks` share a multiprocessor.
template <int head_columns, int workers, int tile_keys, int blocks = 1>
struct HopperAttentionTile {
  static constexpr int head_size = head_columns, keys = tile_keys, stages = 2;
  static constexpr int warpgroups = workers, queries = 64 * workers;
  static constexpr int threads = 128 * (workers + 1);
  static constexpr int at_once = blocks;
  static constexpr int parts = (head_size + 63) / 64;  // columns of 64
  static constexpr int depth_steps = (head_size + 15) / 16;
  static constexpr int q_bytes = queries * 128 * parts, kv_bytes = keys * 128 * parts;
  static constexpr int shared_bytes = 1024 + q_bytes + stages * 2 * kv_bytes + 4 * stages * 8;
  // Of those that a block gets at its start, the workers take what the others need not.
  static constexpr int start_registers = 65536 / (threads * at_once) / 8 * 8;
  static constexpr int registers =
      std::min((start_registers * threads - 24 * 128) / (threads - 128) / 8 * 8, 232);
  /// Columns of the values that part `p` has.
  static constexpr int columns(int p) { return head_size - 64 * p < 64 ? head_size - 64 * p : 64; }
};

/// Where the heads lie in the matrices that the maps describe.
struct HeadColumns {
  int k, v;  // first column of head 0
};

/// The matrices of keys and values.
struct KeysAndValues {
  const void *k, *v;
  int64_t rows;
  HeadColumns columns;
};

/// d += a b for the first columns of 64, or for the last, which may be fewer.
template <class T, int columns, int last_columns>
__device__ inline void with_columns(bool whole, float (&d)[32], const uint32_t (&a)[4],
                                    uint64_t b) {
  if (whole)  // known when compiled: the loop over parts is unrolled
    WgmmaByRows<columns, T>::run(d, a, b);
  else
    WgmmaByRows<last_columns, T>::run(d, a, b);
}

/// Grid: tiles of queries, heads, batch. `keys` and `values`: all rows of k and v, boxes of 64
/// columns and `Tile::keys` rows.
template <class Tile, class T>
__global__ void __launch_bounds__(Tile::threads, Tile::at_once)
    attention_sm90(const T* q, const __grid_constant__ CUtensorMap keys,
                   const __grid_constant__ CUtensorMap values, T* out, AttentionShape s,
                   HeadColumns columns) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr int head_size = Tile::head_size;
  extern __shared__ unsigned char raw[];
  unsigned char* q_tile = raw + (1024 - (shared_address(raw) & 1023)) % 1024;
  unsigned char* stages = q_tile + Tile::q_bytes;
  uint64_t* k_full = reinterpret_cast<uint64_t*>(stages + Tile::stages * 2 * Tile::kv_bytes);
  uint64_t *v_full = k_full + Tile::stages, *k_empty = v_full + Tile::stages,
           *v_empty = k_empty + Tile::stages;

  const int thread = threadIdx.x, warpgroup = __shfl_sync(~0u, thread / 128, 0);
  const int first_query = blockIdx.x * Tile::queries, head = blockIdx.y, batch = blockIdx.z;
  const int key_count = s.causal ? min(s.keys, first_query + Tile::queries) : s.keys;
  const int tiles = (key_count + Tile::keys - 1) / Tile::keys;

  if (thread == 0) {
    prefetch_map(&keys);
    prefetch_map(&values);
    for (int i = 0; i < Tile::stages; ++i) {
      barrier_init(k_full + i, 1);
      barrier_init(v_full + i, 1);
      barrier_init(k_empty + i, Tile::warpgroups);
      barrier_init(v_empty + i, Tile::warpgroups);
    }
    barrier_init_done();
  }
  __syncthreads();
  wait_for_previous();
  let_next_begin();

  if (warpgroup == Tile::warpgroups) {
    give_registers<24>();
    if (__shfl_sync(~0u, thread / 32, 0) == Tile::warpgroups * 4) {
      const int first_row = batch / s.share * s.keys;
      for (int i = 0; i < tiles; ++i) {
        const int stage = i % Tile::stages, turn = i / Tile::stages;
        unsigned char* k_to = stages + stage * 2 * Tile::kv_bytes;
        const auto copy = [&](const CUtensorMap* map, unsigned char* to, uint64_t* full,
                              uint64_t* empty, int column) {
          if (turn > 0) barrier_wait(empty + stage, (turn - 1) & 1);
          barrier_arrive_expecting(full + stage, Tile::kv_bytes);
          for (int p = 0; p < Tile::parts; ++p)
            copy_box(map, to + p * Tile::keys * 128, full + stage,
                     column + head * head_size + p * 64, first_row + i * Tile::keys);
        };
        copy(&keys, k_to, k_full, k_empty, columns.k);
        copy(&values, k_to + Tile::kv_bytes, v_full, v_empty, columns.v);
      }
    }
    return;
  }
  // More registers for those who multiply.
  take_registers<Tile::registers>();
  // Queries, with zeros in the columns that fill up the last 64: keys have the next head's there.
  for (int i = thread % 128; i < 64 * Tile::parts * 8; i += 128) {
    const int row = i / (Tile::parts * 8), chunk = i % (Tile::parts * 8);
    const int query = first_query + warpgroup * 64 + row, column = chunk * 8;
    Vector<T> v{};
    if (query < s.queries && column < head_size)
      v = load_vector(q + (int64_t{batch} * s.queries + query) * s.q_pitch + head * head_size +
                      column);
    *reinterpret_cast<Vector<T>*>(q_tile + chunk / 8 * Tile::queries * 128 +
                                  (warpgroup * 64 + row) * 128 + ((chunk % 8) ^ (row % 8)) * 16) =
        v;
  }
  make_writes_visible();
  asm volatile("bar.sync %0, 128;" ::"r"(1 + warpgroup) : "memory");

  const int lane = thread % 32;
  const int query = first_query + warpgroup * 64 + thread % 128 / 32 * 16 + lane / 4;
  const uint32_t q_address = shared_address(q_tile) + warpgroup * 64 * 128;
  float sums[Tile::parts][32];  // of each column of 64; the last may use fewer
#pragma unroll
  for (int p = 0; p < Tile::parts; ++p)
#pragma unroll
    for (int i = 0; i < 32; ++i) sums[p][i] = 0;
  float largest[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};

  float scores[Tile::keys / 2];
  uint32_t weights[Tile::keys / 16][4];
  const auto keys_of = [&](int tile) {
    return shared_address(stages) + tile % Tile::stages * 2 * Tile::kv_bytes;
  };
  const auto parity_of = [](int tile) { return tile / Tile::stages & 1; };
  const auto order_scores = [&](int tile) {
    barrier_wait(k_full + tile % Tile::stages, parity_of(tile));
    wgmma_begin();
#pragma unroll
    for (int d = 0; d < Tile::depth_steps; ++d)
      Wgmma<Tile::keys, T>::run(
          scores, wgmma_descriptor(q_address + d / 4 * Tile::queries * 128) + d % 4 * 2,
          wgmma_descriptor(keys_of(tile) + d / 4 * Tile::keys * 128) + d % 4 * 2, d > 0);
    wgmma_commit();
  };
  const auto order_values = [&](int tile) {
    barrier_wait(v_full + tile % Tile::stages, parity_of(tile));
    const uint32_t address = keys_of(tile) + Tile::kv_bytes;
    wgmma_begin();
#pragma unroll
    for (int p = 0; p < Tile::parts; ++p)
#pragma unroll
      for (int n = 0; n < Tile::keys / 16; ++n)
        with_columns<T, Tile::columns(0), Tile::columns(Tile::parts - 1)>(
            p + 1 < Tile::parts, sums[p], weights[n],
            wgmma_descriptor(address + p * Tile::keys * 128 + n * 16 * 128));
    wgmma_commit();
  };
  /// Scores to exponentials; -> what all sums so far shrink by.
  const auto exponentials = [&](int tile, float(&shrink)[2]) {
    const int first_key = tile * Tile::keys;
    if (first_key + Tile::keys > s.keys || (s.causal && first_key + Tile::keys > first_query)) {
#pragma unroll
      for (int i = 0; i < Tile::keys / 2; ++i) {
        const int key = first_key + i / 4 * 8 + lane % 4 * 2 + i % 2;
        if (key >= s.keys || (s.causal && key > query + i / 2 % 2 * 8)) scores[i] = -INFINITY;
      }
    }
#pragma unroll
    for (int half_row = 0; half_row < 2; ++half_row) {
      float now = largest[half_row];
#pragma unroll
      for (int n = 0; n < Tile::keys / 8; ++n)
        now = fmaxf(now, fmaxf(scores[n * 4 + half_row * 2], scores[n * 4 + half_row * 2 + 1]));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
      shrink[half_row] = exp2_fast((largest[half_row] - now) * s.scale);
      largest[half_row] = now;
      const float base = now * s.scale;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < Tile::keys / 8; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          float& score = scores[n * 4 + half_row * 2 + i];
          score = exp2_fast(fmaf(score, s.scale, -base));
          sum += score;
        }
      total[half_row] = total[half_row] * shrink[half_row] + sum;
    }
  };
  const auto take_weights = [&] {
#pragma unroll
    for (int n = 0; n < Tile::keys / 16; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        weights[n][i] = pack_two<T>(scores[n * 8 + i * 2], scores[n * 8 + i * 2 + 1]);
  };
  const auto release = [&](uint64_t* empty, int tile) {
    if (thread % 128 == 0) barrier_arrive(empty + tile % Tile::stages);
  };

  // While a tile's exponentials are taken, the values of the tile before are multiplied. (The first
  // tile stands apart, or the compiler could not tell which products are done, and would wait for
  // all.)
  float shrink[2];
  order_scores(0);
  wgmma_wait<0>();
  release(k_empty, 0);
  exponentials(0, shrink);
  take_weights();
#pragma unroll 1
  for (int tile = 1; tile < tiles; ++tile) {
    order_scores(tile);
    order_values(tile - 1);
    wgmma_wait<1>();
    release(k_empty, tile);
    exponentials(tile, shrink);
    wgmma_wait<0>();
    release(v_empty, tile - 1);
#pragma unroll
    for (int p = 0; p < Tile::parts; ++p)
#pragma unroll
      for (int c = 0; c < 32; ++c)
        if (c < Tile::columns(p) / 2) sums[p][c] *= shrink[c / 2 % 2];
    take_weights();
  }
  order_values(tiles - 1);
  wgmma_wait<0>();

#pragma unroll
  for (int half_row = 0; half_row < 2; ++half_row) {
    float sum = total[half_row];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    if (query + half_row * 8 >= s.queries) continue;
    const float inverse = 1.0f / sum;
    T* to = out + (int64_t{batch} * s.queries + query + half_row * 8) * s.out_pitch +
            head * head_size + lane % 4 * 2;
#pragma unroll
    for (int p = 0; p < Tile::parts; ++p)
#pragma unroll
      for (int c = 0; c < 8; ++c)
        if (c < Tile::columns(p) / 8)
          *reinterpret_cast<uint32_t*>(to + p * 64 + c * 8) = pack_two<T>(
              sums[p][c * 4 + half_row * 2] * inverse, sums[p][c * 4 + half_row * 2 + 1] * inverse);
  }
#endif
}

/// Launches the tile for this head size; false if there is none. Instantiated for each type in a
/// file of its own. q points to its first column; rows have the shape's pitches.
template <class T>
bool launch_attention_sm90(const Context& context, int head_size, int batch, const T* q,
                           const KeysAndValues& from, T* out, const AttentionShape& shape);

template <class Tile, class T>
void launch_hopper_tile(const Context& context, int batch, const T* q, const KeysAndValues& from,
                        T* out, const AttentionShape& s) {
  const auto kernel = attention_sm90<Tile, T>;
  DRYPOINT_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     Tile::shared_bytes));
  const dim3 grid(static_cast<unsigned>(ceil_div(s.queries, Tile::queries)),
                  static_cast<unsigned>(s.heads), static_cast<unsigned>(batch));
  launch(context, kernel, grid, dim3(Tile::threads), Tile::shared_bytes, 1, q,
         map_of_matrix(dtype_of<T>, from.k, from.rows, s.k_pitch, Tile::keys),
         map_of_matrix(dtype_of<T>, from.v, from.rows, s.v_pitch, Tile::keys), out, s,
         from.columns);
}

/// What shape of tile: as measured, and whichever leaves fewer multiprocessors idle.
template <int head_size, class T>
void launch_hopper_tiles(const Context& context, int batch, const T* q, const KeysAndValues& from,
                         T* out, const AttentionShape& s) {
  const auto cost = [&](int workers) {
    const int64_t blocks = ceil_div(s.queries, 64 * workers) * s.heads * batch;
    return ceil_div(blocks, context.multiprocessors()) * workers;
  };
  const auto launch_with = [&](auto tile) {
    launch_hopper_tile<decltype(tile)>(context, batch, q, from, out, s);
  };
  // Some tiles of 80 keys have too few registers to let products and exponentials overlap, as the
  // compiler says: with one tile there is nothing to overlap.
  if constexpr (head_size <= 40) {  // two blocks at once
    if (s.keys <= 80) return launch_with(HopperAttentionTile<head_size, 2, 80, 2>());
    if (cost(3) < cost(2)) return launch_with(HopperAttentionTile<head_size, 3, 128>());
    launch_with(HopperAttentionTile<head_size, 2, 64, 2>());
  } else if constexpr (head_size <= 80) {
    if (s.keys <= 80) return launch_with(HopperAttentionTile<head_size, 2, 80>());
    if constexpr (head_size <= 64)  // for more, three have too few registers
      if (cost(3) < cost(2)) return launch_with(HopperAttentionTile<head_size, 3, 128>());
    launch_with(HopperAttentionTile<head_size, 2, 128>());
  } else {
    if (cost(1) < cost(2)) return launch_with(HopperAttentionTile<head_size, 1, 80>());
    launch_with(HopperAttentionTile<head_size, 2, 80>());
  }
}

}  // namespace drypoint::cuda

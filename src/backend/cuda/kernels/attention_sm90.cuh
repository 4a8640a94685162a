// Hopper's attention: the copy engine brings keys and values, one warpgroup orders the copies, each
// of the others has 64 queries of a head and all keys, or every second or third tile of them. (As
// https://arxiv.org/abs/2407.08608, but for the overlap of products and exponentials in a
// warpgroup: with four or more on a multiprocessor, they overlap with each other's.)
#pragma once

#include <algorithm>

#include "backend/cuda/kernels/attention.cuh"
#include "backend/cuda/kernels/tma.cuh"
#include "backend/cuda/kernels/wgmma.cuh"
#include "backend/cuda/tensor_map.h"

namespace drypoint::cuda {

/// A block has `tiles` times 64 queries of a head, with `parts` warpgroups for each, which take
/// tiles of `tile_keys` keys in turn. Tiles lie as slices of 64 columns, 128 bytes a row, in the
/// 128-byte swizzle. As many `blocks` share a multiprocessor.
template <int head_columns, int tiles, int parts, int tile_keys, int stage_count, int blocks = 1>
struct HopperAttentionTile {
  static constexpr int head_size = head_columns, keys = tile_keys, stages = stage_count;
  static constexpr int query_tiles = tiles, key_parts = parts, queries = 64 * tiles;
  static constexpr int workers = tiles * parts, threads = 128 * (workers + 1);
  static constexpr int at_once = blocks;
  static constexpr int slices = (head_size + 63) / 64;
  static constexpr int depth_steps = (head_size + 15) / 16;
  static constexpr int q_bytes = queries * 128 * slices, kv_bytes = keys * 128 * slices;
  static constexpr int shared_bytes = 1024 + q_bytes + stages * 2 * kv_bytes + 4 * stages * 8;
  static_assert(stages % parts == 0);
  static_assert(shared_bytes * blocks <= 227 << 10);
  // Of those that a block gets at its start, the workers take what the others need not.
  static constexpr int start_registers = 65536 / (threads * at_once) / 8 * 8;
  static constexpr int registers =
      std::min((start_registers * threads - 24 * 128) / (threads - 128) / 8 * 8, 232);
  /// Columns of the values that slice `i` has.
  static constexpr int columns(int i) { return head_size - 64 * i < 64 ? head_size - 64 * i : 64; }
};

/// What a thread has of the result, from the keys seen so far: of two rows (i / 2 % 2 for sum i)
/// the largest score, the exponentials' total, and the sums of values.
template <class Tile>
struct AttentionSums {
  // Finite, so that keys that are all masked add nothing, not NaN.
  float largest[2] = {-3e38f, -3e38f}, total[2] = {};
  float values[Tile::slices][32] = {};  // of each slice's columns; the last may use fewer

  /// visit(slice, i) for all sums in use.
  template <class Visit>
  static __device__ void for_each(const Visit& visit) {
#pragma unroll
    for (int p = 0; p < Tile::slices; ++p)
#pragma unroll
      for (int i = 0; i < 32; ++i)
        if (i < Tile::columns(p) / 2) visit(p, i);
  }

  /// As many floats, 128 apart, as `store` writes.
  static constexpr int stored = 4 + Tile::head_size / 2;
  __device__ void store(float* to) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) to[i * 128] = largest[i], to[(2 + i) * 128] = total[i];
    for_each([&](int p, int i) { to[(4 + p * 32 + i) * 128] = values[p][i]; });
  }
  /// Adds what other keys gave.
  __device__ void add(const float* other, float scale) {
    float own[2], others[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float now = fmaxf(largest[i], other[i * 128]);
      own[i] = exp2_fast((largest[i] - now) * scale);
      others[i] = exp2_fast((other[i * 128] - now) * scale);
      largest[i] = now;
      total[i] = total[i] * own[i] + other[(2 + i) * 128] * others[i];
    }
    for_each([&](int p, int i) {
      values[p][i] =
          values[p][i] * own[i / 2 % 2] + other[(4 + p * 32 + i) * 128] * others[i / 2 % 2];
    });
  }
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
  if (whole)  // known when compiled: the loop over slices is unrolled
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
  uint64_t* barriers = reinterpret_cast<uint64_t*>(stages + Tile::stages * 2 * Tile::kv_bytes);
  enum Barrier { keys_full, values_full, keys_empty, values_empty };
  const auto barrier_of = [&](Barrier kind, int stage) {
    return barriers + kind * Tile::stages + stage;
  };

  const int thread = threadIdx.x, warpgroup = __shfl_sync(~0u, thread / 128, 0);
  const int first_query = blockIdx.x * Tile::queries, head = blockIdx.y, batch = blockIdx.z;
  const int key_count = s.causal ? min(s.keys, first_query + Tile::queries) : s.keys;
  const int tiles = (key_count + Tile::keys - 1) / Tile::keys;

  if (thread == 0) {
    prefetch_map(&keys);
    prefetch_map(&values);
    for (int i = 0; i < Tile::stages; ++i) {
      for (const Barrier full : {keys_full, values_full}) barrier_init(barrier_of(full, i), 1);
      for (const Barrier empty : {keys_empty, values_empty})
        barrier_init(barrier_of(empty, i), Tile::query_tiles);
    }
    barrier_init_done();
  }
  __syncthreads();
  wait_for_previous();
  let_next_begin();

  if (warpgroup == Tile::workers) {
    give_registers<24>();
    if (__shfl_sync(~0u, thread / 32, 0) == Tile::workers * 4) {
      const int first_row = batch / s.share * s.keys;
      for (int i = 0; i < tiles; ++i) {
        const int stage = i % Tile::stages, turn = i / Tile::stages;
        unsigned char* k_to = stages + stage * 2 * Tile::kv_bytes;
        const auto copy = [&](const CUtensorMap* map, unsigned char* to, Barrier full,
                              Barrier empty, int column) {
          if (turn > 0) barrier_wait(barrier_of(empty, stage), (turn - 1) & 1);
          barrier_arrive_expecting(barrier_of(full, stage), Tile::kv_bytes);
          for (int p = 0; p < Tile::slices; ++p)
            copy_box(map, to + p * Tile::keys * 128, barrier_of(full, stage),
                     column + head * head_size + p * 64, first_row + i * Tile::keys);
        };
        copy(&keys, k_to, keys_full, keys_empty, columns.k);
        copy(&values, k_to + Tile::kv_bytes, values_full, values_empty, columns.v);
      }
    }
    return;
  }
  // More registers for those who multiply.
  take_registers<Tile::registers>();
  // Queries, with zeros in the columns that fill up the last 64: keys have the next head's there.
  for (int i = thread; i < Tile::queries * Tile::slices * 8; i += Tile::workers * 128) {
    const int row = i / (Tile::slices * 8), chunk = i % (Tile::slices * 8);
    const int query = first_query + row, column = chunk * 8;
    Vector<T> v{};
    if (query < s.queries && column < head_size)
      v = load_vector(q + (int64_t{batch} * s.queries + query) * s.q_pitch + head * head_size +
                      column);
    *reinterpret_cast<Vector<T>*>(q_tile + chunk / 8 * Tile::queries * 128 + row * 128 +
                                  ((chunk % 8) ^ (row % 8)) * 16) = v;
  }
  make_writes_visible();
  meet<Tile::workers * 128>(1);

  const int lane = thread % 32, query_tile = warpgroup % Tile::query_tiles,
            part = warpgroup / Tile::query_tiles;
  const int query = first_query + query_tile * 64 + thread % 128 / 32 * 16 + lane / 4;
  AttentionSums<Tile> result;

  // A part's stages lie `key_parts` apart. Where they are is worked out here, once: in the loop
  // only known numbers are added.
  constexpr auto units = [](int bytes) { return uint64_t(bytes / 16); };  // of a descriptor
  const uint64_t queries_at = wgmma_descriptor(shared_address(q_tile) + query_tile * 64 * 128),
                 keys_at = wgmma_descriptor(shared_address(stages) + part * 2 * Tile::kv_bytes);
  // From this tile on, some keys are not to be seen.
  const int masked = (s.causal ? min(s.keys, first_query) : s.keys) / Tile::keys;
  const auto add_tile = [&](int tile, int slot, int parity) {
    const auto barrier = [&](Barrier kind) {
      return barrier_of(kind, part + slot * Tile::key_parts);
    };
    const auto release = [&](Barrier kind) {
      if (thread % 128 == 0) barrier_arrive(barrier(kind));
    };
    const uint64_t from = keys_at + units(slot * Tile::key_parts * 2 * Tile::kv_bytes);

    float scores[Tile::keys / 2];
    barrier_wait(barrier(keys_full), parity);
    wgmma_begin();
#pragma unroll
    for (int d = 0; d < Tile::depth_steps; ++d)
      Wgmma<Tile::keys, T>::run(scores,
                                queries_at + units(d / 4 * Tile::queries * 128 + d % 4 * 32),
                                from + units(d / 4 * Tile::keys * 128 + d % 4 * 32), d > 0);
    wgmma_commit();
    wgmma_wait<0>();
    release(keys_empty);
    if (tile >= masked) {
      const int first_key = tile * Tile::keys;
#pragma unroll
      for (int i = 0; i < Tile::keys / 2; ++i) {
        const int key = first_key + i / 4 * 8 + lane % 4 * 2 + i % 2;
        if (key >= s.keys || (s.causal && key > query + i / 2 % 2 * 8)) scores[i] = -INFINITY;
      }
    }

    // Scores to exponentials; the sums so far shrink as the largest score grows.
    float shrink[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float now = result.largest[row];
#pragma unroll
      for (int i = row * 2; i < Tile::keys / 2; i += 4)
        now = fmaxf(now, fmaxf(scores[i], scores[i + 1]));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
      shrink[row] = exp2_fast((result.largest[row] - now) * s.scale);
      result.largest[row] = now;
      const float base = now * s.scale;
      float sum = 0;
#pragma unroll
      for (int i = row * 2; i < Tile::keys / 2; i += 4)
#pragma unroll
        for (int j = i; j < i + 2; ++j) {
          scores[j] = exp2_fast(fmaf(scores[j], s.scale, -base));
          sum += scores[j];
        }
      result.total[row] = result.total[row] * shrink[row] + sum;
    }
    result.for_each([&](int p, int i) { result.values[p][i] *= shrink[i / 2 % 2]; });

    uint32_t weights[Tile::keys / 16][4];
#pragma unroll
    for (int n = 0; n < Tile::keys / 16; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        weights[n][i] = pack_two<T>(scores[n * 8 + i * 2], scores[n * 8 + i * 2 + 1]);
    barrier_wait(barrier(values_full), parity);
    wgmma_begin();
#pragma unroll
    for (int p = 0; p < Tile::slices; ++p)
#pragma unroll
      for (int n = 0; n < Tile::keys / 16; ++n)
        with_columns<T, Tile::columns(0), Tile::columns(Tile::slices - 1)>(
            p + 1 < Tile::slices, result.values[p], weights[n],
            from + units(Tile::kv_bytes + p * Tile::keys * 128 + n * 16 * 128));
    wgmma_commit();
    wgmma_wait<0>();
    release(values_empty);
  };
  int parity = 0;
#pragma unroll 1
  for (int tile = part; tile < tiles; tile += Tile::stages) {
    add_tile(tile, 0, parity);
#pragma unroll
    for (int slot = 1; slot < Tile::stages / Tile::key_parts; ++slot)
      if (tile + slot * Tile::key_parts < tiles)
        add_tile(tile + slot * Tile::key_parts, slot, parity);
    parity ^= 1;
  }
#pragma unroll
  for (int row = 0; row < 2; ++row) {
    result.total[row] += __shfl_xor_sync(0xffffffffu, result.total[row], 1);
    result.total[row] += __shfl_xor_sync(0xffffffffu, result.total[row], 2);
  }

  if constexpr (Tile::key_parts > 1) {
    // The first part adds up what the others leave where keys and values were.
    constexpr int stored = AttentionSums<Tile>::stored * 128;
    static_assert((Tile::key_parts - 1) * Tile::query_tiles * stored * 4 <=
                  Tile::stages * 2 * Tile::kv_bytes);
    float* left = reinterpret_cast<float*>(stages) + query_tile * stored + thread % 128;
    meet<Tile::workers * 128>(1);
    if (part > 0) result.store(left + (part - 1) * Tile::query_tiles * stored);
    meet<Tile::workers * 128>(1);
    if (part > 0) return;
#pragma unroll
    for (int other = 1; other < Tile::key_parts; ++other)
      result.add(left + (other - 1) * Tile::query_tiles * stored, s.scale);
  }

#pragma unroll
  for (int row = 0; row < 2; ++row) {
    if (query + row * 8 >= s.queries) continue;
    const float inverse = 1.0f / result.total[row];
    const int at_row = batch * s.queries + query + row * 8;
    const int64_t at = int64_t{at_row} * s.out_pitch + head * head_size + lane % 4 * 2;
    const float factor = s.to.factor(at_row);
    result.for_each([&](int p, int i) {
      if (i % 4 == row * 2)
        store_two(s.to, out, at + p * 64 + i / 4 * 8, result.values[p][i] * inverse,
                  result.values[p][i + 1] * inverse, factor);
    });
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
         map_of_matrix(dtype_of<T>, from.k, from.rows, s.k_pitch, 2 * s.k_pitch, Tile::keys),
         map_of_matrix(dtype_of<T>, from.v, from.rows, s.v_pitch, 2 * s.v_pitch, Tile::keys), out,
         s, from.columns);
}

/// What shape of tile: that with which the multiprocessors are done first with one picture, as
/// measured. (Shapes differ in the order in which they add up keys.)
template <int head_size, class T>
void launch_hopper_tiles(const Context& context, int batch, const T* q, const KeysAndValues& from,
                         T* out, const AttentionShape& s) {
  const auto launch_with = [&](auto tile) {
    launch_hopper_tile<decltype(tile)>(context, batch, q, from, out, s);
  };
  // Of all blocks one after the other, in products of 64 queries with 64 keys.
  const auto cost = [&](auto tile) {
    using Tile = decltype(tile);
    constexpr int begin_and_end = 8;
    const int64_t blocks = ceil_div(s.queries, Tile::queries) * s.heads * (batch / s.pictures);
    return ceil_div(blocks, context.multiprocessors()) *
           (begin_and_end + Tile::query_tiles * ceil_div(s.keys, 64));
  };
  const auto launch_best = [&](auto many, auto some, auto few) {
    if (cost(few) < cost(some) && cost(few) < cost(many)) return launch_with(few);
    if (cost(some) < cost(many)) return launch_with(some);
    launch_with(many);
  };
  const bool one_tile = s.keys <= 80;  // the keys of a text
  if constexpr (head_size <= 40) {
    if (one_tile) return launch_with(HopperAttentionTile<head_size, 2, 1, 80, 1, 2>());
    launch_best(HopperAttentionTile<head_size, 4, 1, 96, 2>(),
                HopperAttentionTile<head_size, 3, 2, 64, 4>(),
                HopperAttentionTile<head_size, 2, 3, 64, 6>());
  } else if constexpr (head_size <= 80) {
    if (one_tile) return launch_with(HopperAttentionTile<head_size, 2, 1, 80, 1>());
    launch_best(HopperAttentionTile<head_size, 4, 1, 64, 3>(),
                HopperAttentionTile<head_size, 2, 2, 64, 4>(),
                HopperAttentionTile<head_size, 1, 4, 64, 4>());
  } else {
    if (one_tile) return launch_with(HopperAttentionTile<head_size, 1, 1, 80, 1>());
    launch_with(HopperAttentionTile<head_size, 1, 2, 64, 2>());
  }
}

}  // namespace drypoint::cuda

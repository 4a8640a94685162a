// Attention that never stores the scores (https://arxiv.org/abs/2205.14135, 2307.08691): each block
// has some queries of one head, and walks over the keys with running maxima and sums.
#pragma once

#include "backend/cuda/kernels/eight_bits.cuh"
#include "backend/cuda/kernels/mma.cuh"

namespace drypoint::cuda {

struct AttentionShape {
  int heads, queries, keys;
  int share;                                 // batch rows of q that read one batch row of k and v
  int q_pitch, k_pitch, v_pitch, out_pitch;  // elements between rows
  float scale;                               // of scores, times log2(e)
  bool causal;
  int pictures;  // that share the batch, alike
  EightBits to;
};

/// `head_size` columns of q and k; of v and the result a block does `value_size`, which is
/// `head_size` or divides it (then blocks in the grid's x share the queries).
template <class T, int head_size, int value_size, int query_rows, int key_rows>
struct AttentionTile {
  static constexpr int warps = query_rows / 16, threads = 32 * warps;
  // Rows padded where else eight of them would meet in the same banks.
  static constexpr int padding(int size) { return sizeof(T) == 4 ? 4 : size / 2 % 8 == 4 ? 0 : 8; }
  static constexpr int qk_pitch = head_size + padding(head_size);
  static constexpr int v_pitch = value_size + padding(value_size);
  static constexpr int shared_bytes =
      (query_rows * qk_pitch + 2 * key_rows * (qk_pitch + v_pitch)) * static_cast<int>(sizeof(T));
  static constexpr bool queries_in_registers = sizeof(T) == 2 && head_size <= 160;
  static constexpr int depth_steps = (head_size + 15) / 16;
  static constexpr int keys = key_rows, depth = head_size, value_columns = value_size;
  /// Half of the last 16 of the depth may be all there is.
  __device__ static constexpr bool is_half(int step) {
    return depth % 16 == 8 && step == depth_steps - 1;
  }
  /// Where the second half of a step begins: what is not there is loaded from the first's place.
  __device__ static constexpr int second_half(int step) { return is_half(step) ? 0 : 8; }
};

/// A warp's queries in registers, where they have room.
template <class Tile>
using HeldQueries = uint32_t[Tile::queries_in_registers ? Tile::depth_steps : 1][4];

/// scores += 16 queries of a warp, from row `queries` on, times the keys of a tile.
template <class Tile, class T>
__device__ inline void add_scores(float (&scores)[Tile::keys / 8][4], const T* queries,
                                  const HeldQueries<Tile>& held, const T* keys, bool) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int d = 0; d < Tile::depth_steps; ++d) {
    uint32_t a[4];
    if constexpr (Tile::queries_in_registers) {
#pragma unroll
      for (int i = 0; i < 4; ++i) a[i] = held[d][i];
    } else {
      load_matrices(
          a, queries + lane % 16 * Tile::qk_pitch + d * 16 + lane / 16 * Tile::second_half(d));
    }
#pragma unroll
    for (int n = 0; n < Tile::keys / 16; ++n) {
      uint32_t b[4];
      load_matrices(b, keys + (n * 16 + lane / 16 * 8 + lane % 8) * Tile::qk_pitch + d * 16 +
                           lane / 8 % 2 * Tile::second_half(d));
      if (Tile::is_half(d)) {
        mma_half_depth<T>(scores[2 * n], a[0], a[1], b[0]);
        mma_half_depth<T>(scores[2 * n + 1], a[0], a[1], b[2]);
      } else {
        mma<T>(scores[2 * n], a, b[0], b[1]);
        mma<T>(scores[2 * n + 1], a, b[2], b[3]);
      }
    }
  }
}
/// In f32, the tensor units' sums are kept short, as in the product.
template <class Tile, bool is_short>
__device__ inline void add_scores_f32(float (&scores)[Tile::keys / 8][4], const float* queries,
                                      const float* keys) {
  const int lane = threadIdx.x % 32;
#pragma unroll 2
  for (int d = 0; d < Tile::depth; d += 8) {
    uint32_t left[4], right[4];
    load_matrices(left, queries + lane % 16 * Tile::qk_pitch + lane / 16 * 4 + d);
    SplitFactors<4, is_short> a;
#pragma unroll
    for (int i = 0; i < 4; ++i) a.set(i, left[i]);
#pragma unroll
    for (int n = 0; n < Tile::keys / 16; ++n) {
      load_matrices(right, keys + (n * 16 + lane / 16 * 8 + lane % 8) * Tile::qk_pitch + d +
                               lane / 8 % 2 * 4);
#pragma unroll
      for (int side = 0; side < 2; ++side) {
        SplitFactors<2, is_short> b;
        b.set(0, right[side * 2]);
        b.set(1, right[side * 2 + 1]);
        float part[4] = {};
        mma_f32(part, a, b);
#pragma unroll
        for (int i = 0; i < 4; ++i) scores[n * 2 + side][i] += part[i];
      }
    }
  }
}
template <class Tile>
__device__ inline void add_scores(float (&scores)[Tile::keys / 8][4], const float* queries,
                                  const HeldQueries<Tile>&, const float* keys, bool short_form) {
  if (short_form)
    add_scores_f32<Tile, true>(scores, queries, keys);
  else
    add_scores_f32<Tile, false>(scores, queries, keys);
}

/// values += the scores of 16 queries times the tile's values. The scores are the left factor as
/// they lie in the registers.
template <class Tile, class T>
__device__ inline void add_values(float (&values)[Tile::value_columns / 8][4],
                                  const float (&scores)[Tile::keys / 8][4], const T* of_keys,
                                  bool) {
  constexpr int value_tiles = Tile::value_columns / 8;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < Tile::keys / 16; ++n) {
    const uint32_t a[4] = {pack_two<T>(scores[2 * n][0], scores[2 * n][1]),
                           pack_two<T>(scores[2 * n][2], scores[2 * n][3]),
                           pack_two<T>(scores[2 * n + 1][0], scores[2 * n + 1][1]),
                           pack_two<T>(scores[2 * n + 1][2], scores[2 * n + 1][3])};
    const T* rows = of_keys + (n * 16 + lane % 16) * Tile::v_pitch;
#pragma unroll
    for (int c = 0; c + 1 < value_tiles; c += 2) {
      uint32_t b[4];
      load_matrices_transposed(b, rows + c * 8 + lane / 16 * 8);
      mma<T>(values[c], a, b[0], b[1]);
      mma<T>(values[c + 1], a, b[2], b[3]);
    }
    if constexpr (value_tiles % 2 == 1) {
      uint32_t b[4];  // the upper half lies beyond the row's end: it is loaded from its start
      load_matrices_transposed(b, rows + (value_tiles - 1) * 8);
      mma<T>(values[value_tiles - 1], a, b[0], b[1]);
    }
  }
}
/// In f32 a lane has the scores of neighbouring keys, where the tensor units want those of keys
/// four apart: so key 2 i takes the place of key i, and key 2 i + 1 that of key i + 4.
template <class Tile, bool is_short>
__device__ inline void add_values_f32(float (&values)[Tile::value_columns / 8][4],
                                      const float (&scores)[Tile::keys / 8][4],
                                      const float* of_keys) {
  const int column = threadIdx.x % 32 / 4, key = threadIdx.x % 4 * 2;
#pragma unroll
  for (int n = 0; n < Tile::keys / 8; ++n) {
    SplitFactors<4, is_short> a;
    a.set(0, __float_as_uint(scores[n][0]));
    a.set(1, __float_as_uint(scores[n][2]));
    a.set(2, __float_as_uint(scores[n][1]));
    a.set(3, __float_as_uint(scores[n][3]));
    const float* rows = of_keys + (n * 8 + key) * Tile::v_pitch + column;
#pragma unroll
    for (int c = 0; c < Tile::value_columns / 8; ++c) {
      SplitFactors<2, is_short> b;
      b.set(0, __float_as_uint(rows[c * 8]));
      b.set(1, __float_as_uint(rows[c * 8 + Tile::v_pitch]));
      float part[4] = {};
      mma_f32(part, a, b);
#pragma unroll
      for (int i = 0; i < 4; ++i) values[c][i] += part[i];
    }
  }
}
template <class Tile>
__device__ inline void add_values(float (&values)[Tile::value_columns / 8][4],
                                  const float (&scores)[Tile::keys / 8][4], const float* of_keys,
                                  bool short_form) {
  if (short_form)
    add_values_f32<Tile, true>(values, scores, of_keys);
  else
    add_values_f32<Tile, false>(values, scores, of_keys);
}

/// Copies `rows` rows of `size` elements, zeros where a row is not below `there`.
template <class T, int size, int pitch, int threads>
__device__ inline void copy_rows(T* to, const T* from, int64_t from_pitch, int rows, int there) {
  constexpr int per_vector = 16 / sizeof(T), vectors = size / per_vector;
  for (int i = threadIdx.x; i < rows * vectors; i += threads) {
    const int row = i / vectors, column = i % vectors * per_vector;
    copy_async(to + row * pitch + column, from + (row < there ? row : 0) * from_pitch + column,
               row < there);
  }
}

/// Grid: tiles of queries * parts of the value columns, heads, batch.
template <class T, int head_size, int value_size, int query_rows, int key_rows>
__global__ void __launch_bounds__(
    AttentionTile<T, head_size, value_size, query_rows, key_rows>::threads)
    attention(const T* q, const T* k, const T* v, T* out, AttentionShape s, bool short_form) {
  using Tile = AttentionTile<T, head_size, value_size, query_rows, key_rows>;
  constexpr int threads = Tile::threads;
  constexpr int value_tiles = value_size / 8, value_parts = head_size / value_size;
  if constexpr (!has_mma<T>) return;
  extern __shared__ __align__(128) unsigned char shared[];
  T* q_tile = reinterpret_cast<T*>(shared);
  T* k_tiles = q_tile + query_rows * Tile::qk_pitch;
  T* v_tiles = k_tiles + 2 * key_rows * Tile::qk_pitch;

  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int first_query = blockIdx.x / value_parts * query_rows;
  const int first_column = blockIdx.x % value_parts * value_size;
  const int head = blockIdx.y, batch = blockIdx.z, batch_of_keys = batch / s.share;
  q += (int64_t{batch} * s.queries + first_query) * s.q_pitch + head * head_size;
  k += int64_t{batch_of_keys} * s.keys * s.k_pitch + head * head_size;
  v += int64_t{batch_of_keys} * s.keys * s.v_pitch + head * head_size + first_column;

  const int keys = s.causal ? min(s.keys, first_query + query_rows) : s.keys;
  const int key_tiles = (keys + key_rows - 1) / key_rows;
  const auto copy_keys = [&](int tile) {
    const int first = tile * key_rows;
    copy_rows<T, head_size, Tile::qk_pitch, threads>(k_tiles + tile % 2 * key_rows * Tile::qk_pitch,
                                                     k + int64_t{first} * s.k_pitch, s.k_pitch,
                                                     key_rows, s.keys - first);
    copy_rows<T, value_size, Tile::v_pitch, threads>(v_tiles + tile % 2 * key_rows * Tile::v_pitch,
                                                     v + int64_t{first} * s.v_pitch, s.v_pitch,
                                                     key_rows, s.keys - first);
  };

  wait_for_previous();
  let_next_begin();
  copy_rows<T, head_size, Tile::qk_pitch, threads>(q_tile, q, s.q_pitch, query_rows,
                                                   s.queries - first_query);
  copy_keys(0);
  commit_copies();

  const T* queries = q_tile + warp * 16 * Tile::qk_pitch;
  HeldQueries<Tile> held;
  float values[value_tiles][4] = {};
  float largest[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};

  for (int tile = 0; tile < key_tiles; ++tile) {
    if (tile + 1 < key_tiles) copy_keys(tile + 1);
    commit_copies();
    wait_for_copies<1>();
    __syncthreads();
    if constexpr (Tile::queries_in_registers)
      if (tile == 0)
#pragma unroll
        for (int d = 0; d < Tile::depth_steps; ++d)
          load_matrices(held[d], queries + lane % 16 * Tile::qk_pitch + d * 16 +
                                     lane / 16 * Tile::second_half(d));
    float scores[key_rows / 8][4] = {};
    add_scores<Tile>(scores, queries, held, k_tiles + tile % 2 * key_rows * Tile::qk_pitch,
                     short_form);
    // Keys beyond the end, or after the query.
    const int first_key = tile * key_rows;
    if (first_key + key_rows > s.keys || (s.causal && first_key + key_rows > first_query)) {
#pragma unroll
      for (int n = 0; n < key_rows / 8; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int key = first_key + n * 8 + lane % 4 * 2 + i % 2;
          const int query = first_query + warp * 16 + lane / 4 + i / 2 * 8;
          if (key >= s.keys || (s.causal && key > query)) scores[n][i] = -INFINITY;
        }
    }
    // Running maxima; the sums so far shrink with them.
#pragma unroll
    for (int half_row = 0; half_row < 2; ++half_row) {
      float now = largest[half_row];
#pragma unroll
      for (int n = 0; n < key_rows / 8; ++n)
        now = fmaxf(now, fmaxf(scores[n][half_row * 2], scores[n][half_row * 2 + 1]));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
      const float shrink = exp2_fast((largest[half_row] - now) * s.scale);
      largest[half_row] = now;
      const float base = now * s.scale;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < key_rows / 8; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          float& score = scores[n][half_row * 2 + i];
          score = exp2_fast(fmaf(score, s.scale, -base));
          sum += score;
        }
      total[half_row] = total[half_row] * shrink + sum;
#pragma unroll
      for (int c = 0; c < value_tiles; ++c) {
        values[c][half_row * 2] *= shrink;
        values[c][half_row * 2 + 1] *= shrink;
      }
    }
    add_values<Tile>(values, scores, v_tiles + tile % 2 * key_rows * Tile::v_pitch, short_form);
    __syncthreads();
  }
  wait_for_copies<0>();

#pragma unroll
  for (int half_row = 0; half_row < 2; ++half_row) {
    float sum = total[half_row];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    const int query = first_query + warp * 16 + lane / 4 + half_row * 8;
    if (query >= s.queries) continue;
    const float inverse = 1.0f / sum;
    const int row = batch * s.queries + query;
    const int64_t at = int64_t{row} * s.out_pitch + head * head_size + first_column + lane % 4 * 2;
    const float factor = s.to.factor(row);
#pragma unroll
    for (int c = 0; c < value_tiles; ++c)
      store_two(s.to, out, at + c * 8, values[c][half_row * 2] * inverse,
                values[c][half_row * 2 + 1] * inverse, factor);
  }
}

/// Launches the tile for this head size; false if there is none. Instantiated for each type in a
/// file of its own.
template <class T>
bool launch_attention(const Context& context, int head_size, int batch, const T* q, const T* k,
                      const T* v, T* out, const AttentionShape& shape);

template <class T, int head_size, int value_size, int query_rows, int key_rows>
bool launch_attention_tile(const Context& context, int batch, const T* q, const T* k, const T* v,
                           T* out, const AttentionShape& s) {
  using Tile = AttentionTile<T, head_size, value_size, query_rows, key_rows>;
  if (Tile::shared_bytes > context.most_shared_bytes()) return false;
  const auto kernel = attention<T, head_size, value_size, query_rows, key_rows>;
  DRYPOINT_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     Tile::shared_bytes));
  const dim3 grid(static_cast<unsigned>(ceil_div(s.queries, query_rows) * (head_size / value_size)),
                  static_cast<unsigned>(s.heads), static_cast<unsigned>(batch));
  launch(context, kernel, grid, dim3(Tile::threads), Tile::shared_bytes, 1, q, k, v, out, s,
         context.tf32);
  return true;
}

template <class T>
bool launch_attention_here(const Context& context, int head_size, int batch, const T* q, const T* k,
                           const T* v, T* out, const AttentionShape& s) {
  // Half as many keys at once where elements are twice as long.
  constexpr int some = 128 / sizeof(T), few = 64 / sizeof(T);
  if constexpr (sizeof(T) == 4) switch (head_size) {  // else see `attention_sm80.cuh`
      case 40: return launch_attention_tile<T, 40, 40, 64, some>(context, batch, q, k, v, out, s);
      case 64: return launch_attention_tile<T, 64, 64, 64, some>(context, batch, q, k, v, out, s);
      case 80: return launch_attention_tile<T, 80, 80, 64, some>(context, batch, q, k, v, out, s);
      case 160: return launch_attention_tile<T, 160, 160, 64, few>(context, batch, q, k, v, out, s);
    }
  switch (head_size) {
    case 8: return launch_attention_tile<T, 8, 8, 64, some>(context, batch, q, k, v, out, s);
    case 512:
      if constexpr (sizeof(T) == 2)
        if (launch_attention_tile<T, 512, 128, 64, 32>(context, batch, q, k, v, out, s))
          return true;
      if (launch_attention_tile<T, 512, 128, 32, 16>(context, batch, q, k, v, out, s)) return true;
      // Where a block has no more than 64 KB.
      if constexpr (std::is_same_v<T, half>)
        return launch_attention_tile<T, 512, 128, 16, 16>(context, batch, q, k, v, out, s);
      return false;
    default: return false;
  }
}

}  // namespace drypoint::cuda

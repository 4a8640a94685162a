// The product for f32, and for what `gemm_sm80.cuh` leaves: channels that fill no 16 bytes,
// windows of very many pixels. mma.sync, from compute capability 8.0 on, of halves 7.5. Windows of
// pictures are gathered as they are loaded (implicit GEMM).
#pragma once

#include "backend/cuda/gemm_shape.h"
#include "backend/cuda/kernels/epilogue.cuh"
#include "backend/cuda/kernels/mma.cuh"
#include "backend/cuda/kernels/sm80_kernels.h"

namespace drypoint::cuda {

/// sums (16 count x 32) += a (16 count x 8) b (32 x 8)^T, a warp's share of half a stage.
template <bool is_short, int count>
__device__ inline void multiply_f32(float (&sums)[count][4][4], const uint32_t (&a)[count][4],
                                    const uint32_t (&b)[2][4]) {
  SplitFactors<4, is_short> left[count];
  SplitFactors<2, is_short> right[4];
#pragma unroll
  for (int m = 0; m < count; ++m)
#pragma unroll
    for (int i = 0; i < 4; ++i) left[m].set(i, a[m][i]);
#pragma unroll
  for (int n = 0; n < 4; ++n)
#pragma unroll
    for (int i = 0; i < 2; ++i) right[n].set(i, b[n / 2][n % 2 * 2 + i]);
#pragma unroll
  for (int m = 0; m < count; ++m)
#pragma unroll
    for (int n = 0; n < 4; ++n) mma_f32(sums[m][n], left[m], right[n]);
}

/// A tile of rows x columns results, 64 bytes deep, by warps of some rows x 32 each.
template <class T, int tile_rows, int tile_columns, int warp_rows>
struct GemmTile {
  static constexpr int rows = tile_rows, columns = tile_columns, stages = 4;
  static constexpr int rows_of_warp = warp_rows, warps_down = rows / warp_rows;
  static constexpr int threads = warps_down * columns;
  static constexpr int depth = 64 / sizeof(T);
  static constexpr int row_bytes = 64 + 16;  // padded, so that eight rows lie in different banks
  static constexpr int stage_bytes = (rows + columns) * row_bytes;
  static constexpr int pitch = columns + 8;  // of the tile of sums, in floats
  static constexpr int shared_bytes =
      stages * stage_bytes > rows* pitch * 4 ? stages* stage_bytes : rows* pitch * 4;
};

template <class T>
using SmallTile = GemmTile<T, 64, 64, 32>;
template <class T>
using LargeTile = GemmTile<T, 128, 128, 64>;

/// x (and `rest`, where concatenated), weight [sets * columns, depth] -> epilogue.out. Grid: sets
/// of weights
/// * tiles of rows, tiles of columns, parts of the depth. With several parts each leaves its sums
/// in `partial` [parts, sets * rows, columns]; with `serial` (split-K within one block) a block
/// does part after part and adds them up as `finish_gemm` would. `short_form`: f32 products from
/// 11 bits of each factor, not from all.
template <class Tile, class T, bool gathered, bool serial>
__global__ void __launch_bounds__(Tile::threads)
    gemm_mma(const T* __restrict__ x, Rest<T> rest, const T* __restrict__ weight,
             float* __restrict__ partial, GemmShape shape, EpilogueParams<T> epilogue, int depth,
             int depth_of_tap, int serial_parts, bool short_form) {
  if constexpr (!has_mma<T>) return;
  extern __shared__ __align__(128) unsigned char shared[];
  const int tiles = (shape.rows + Tile::rows - 1) / Tile::rows;
  const int group = blockIdx.x / tiles, first_row = blockIdx.x % tiles * Tile::rows;
  const int first_column = blockIdx.y * Tile::columns;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  constexpr int per_vector = 16 / sizeof(T);

  // Each thread loads one 16-byte column of some rows of the windows and of the weights.
  constexpr int at_once = Tile::threads / 4;
  constexpr int windows = Tile::rows / at_once, weight_rows = Tile::columns / at_once;
  const int vector = thread % 4;
  const T* window[windows];
  int64_t row_of_rest[windows];
  int window_y[windows], window_x[windows];
  bool row_there[windows], column_there[weight_rows];
  const T* weight_row[weight_rows];
#pragma unroll
  for (int i = 0; i < windows; ++i) {
    const int row = first_row + thread / 4 + i * at_once;
    row_there[i] = row < shape.rows;
    const int64_t all = int64_t{shape.upsample ? 0 : group} * shape.rows + (row_there[i] ? row : 0);
    const int64_t pixels = int64_t{shape.out_height} * shape.out_width;
    const int64_t n = all / pixels;
    const int in_picture = static_cast<int>(all - n * pixels);
    window_y[i] = in_picture / shape.out_width * shape.stride - shape.top;
    window_x[i] = in_picture % shape.out_width * shape.stride - shape.left;
    if (shape.upsample) window_y[i] += group / 2, window_x[i] += group % 2;
    const int64_t first_pixel = n * shape.height * shape.width;
    window[i] = x + first_pixel * shape.channels;
    row_of_rest[i] = all;
  }
#pragma unroll
  for (int i = 0; i < weight_rows; ++i) {
    const int column = first_column + thread / 4 + i * at_once;
    column_there[i] = column < shape.columns;
    weight_row[i] =
        weight + (int64_t{group} * shape.columns + (column_there[i] ? column : 0)) * depth;
  }

  const int all_blocks = depth / Tile::depth, parts = gridDim.z, part = blockIdx.z;
  const int begin = all_blocks * part / parts, end = all_blocks * (part + 1) / parts;
  // Of what is loaded next: its place in a weight's row, and the tap and the channel of that place,
  // or (from 0 on) the further input and its channel; and where its channels' place ends.
  int next = begin * Tile::depth + vector * per_vector;
  int channel = next % depth_of_tap, tap_y = next / depth_of_tap / shape.kernel_width,
      tap_x = next / depth_of_tap % shape.kernel_width, further = -1, room = depth_of_tap;
  if (!gathered && tap_y >= shape.kernel_height) {
    channel = next - shape.kernel_height * shape.kernel_width * depth_of_tap;
    further = 0, room = GemmShape::padded(shape.rest[0]);
    if (channel >= room) channel -= room, further = 1, room = GemmShape::padded(shape.rest[1]);
  }
  const auto load_next = [&](int block) {
    unsigned char* stage = shared + block % Tile::stages * Tile::stage_bytes;
#pragma unroll
    for (int i = 0; i < windows; ++i) {
      unsigned char* to = stage + (thread / 4 + i * at_once) * Tile::row_bytes + vector * 16;
      if constexpr (gathered) {
        Vector<T> values;
#pragma unroll
        for (int e = 0; e < per_vector; ++e) {
          const int tap = (next + e) / shape.channels, c = (next + e) % shape.channels;
          const int ky = tap / shape.kernel_width;
          const int y = window_y[i] + ky, column = window_x[i] + tap - ky * shape.kernel_width;
          const bool there = row_there[i] && ky < shape.kernel_height && y >= 0 &&
                             y < shape.height && column >= 0 && column < shape.width;
          values.values[e] =
              there ? window[i][(int64_t{y} * shape.width + column) * shape.channels + c]
                    : from_float<T>(0);
        }
        *reinterpret_cast<Vector<T>*>(to) = values;
      } else {
        const int y = window_y[i] + tap_y, column = window_x[i] + tap_x;
        bool there = row_there[i] && channel < shape.channels && y >= 0 && y < shape.height &&
                     column >= 0 && column < shape.width;
        const T* from = window[i] + (int64_t{y} * shape.width + column) * shape.channels + channel;
        if (further >= 0) {
          const int width = further == 0 ? shape.rest[0] : shape.rest[1];
          there = row_there[i] && channel < width;
          from = (further == 0 ? rest.x[0] : rest.x[1]) + row_of_rest[i] * width + channel;
        }
        copy_async(to, there ? from : x, there);
      }
    }
#pragma unroll
    for (int i = 0; i < weight_rows; ++i)
      copy_async(stage + (Tile::rows + thread / 4 + i * at_once) * Tile::row_bytes + vector * 16,
                 weight_row[i] + next, column_there[i]);
    next += Tile::depth;
    channel += Tile::depth;
    if (channel >= room) {  // whole stages make a tap
      channel -= room;
      if (++tap_x == shape.kernel_width) tap_x = 0, ++tap_y;
      if (tap_y >= shape.kernel_height)
        room = GemmShape::padded(++further == 0 ? shape.rest[0] : shape.rest[1]);
    }
  };

  wait_for_previous();
#pragma unroll
  for (int i = 0; i < Tile::stages - 1; ++i) {
    if (begin + i < end) load_next(begin + i);
    commit_copies();
  }
  let_next_begin();

  // Of normed rows the moments are taken as the stages pass, by two threads a row, about the row's
  // first element: so a large mean costs no digits.
  __shared__ float factors[Tile::rows];
  const bool takes_moments = epilogue.normed && thread < 2 * Tile::rows;
  float pivot = 0, sum = 0, squares = 0;
  if (takes_moments && first_row + thread / 2 < shape.rows)
    pivot = to_float(x[(int64_t{group} * shape.rows + first_row + thread / 2) * shape.channels]);
  const auto take_moments = [&](const unsigned char* row, int first_channel) {
#pragma unroll
    for (int v = 0; v < 2; ++v) {
      const int at = (thread % 2 * 2 + v) * per_vector;
      const Vector<T> values = load_vector(reinterpret_cast<const T*>(row) + at);
#pragma unroll
      for (int e = 0; e < per_vector; ++e) {
        const float value = to_float(values.values[e]) - pivot;
        if (first_channel + at + e < shape.channels) sum += value, squares += value * value;
      }
    }
  };

  constexpr int down = Tile::rows_of_warp / 16;
  const int warp_row = warp % Tile::warps_down * Tile::rows_of_warp;
  const int warp_column = warp / Tile::warps_down * 32;
  float sums[down][4][4] = {};
  float all_sums[serial ? down : 1][4][4] = {};
  [[maybe_unused]] int turn = 1;  // the part at hand ends before all_blocks * turn / serial_parts
  for (int block = begin; block < end; ++block) {
    wait_for_copies<Tile::stages - 2>();
    __syncthreads();
    if (block + Tile::stages - 1 < end) load_next(block + Tile::stages - 1);
    commit_copies();
    const unsigned char* a_tile = shared + block % Tile::stages * Tile::stage_bytes;
    const unsigned char* b_tile = a_tile + Tile::rows * Tile::row_bytes;
    if (takes_moments) take_moments(a_tile + thread / 2 * Tile::row_bytes, block * Tile::depth);
    // The tensor units cut off what they add to; in f32, short sums of theirs, added up in full,
    // keep deep products exact.
    float part[down][4][4] = {};
#pragma unroll
    for (int k = 0; k < 2; ++k) {  // 32 bytes deep each
      uint32_t a[down][4], b[2][4];
#pragma unroll
      for (int m = 0; m < down; ++m)
        load_matrices(a[m], a_tile + (warp_row + m * 16 + lane % 16) * Tile::row_bytes + k * 32 +
                                lane / 16 * 16);
#pragma unroll
      for (int n = 0; n < 2; ++n)
        load_matrices(b[n],
                      b_tile + (warp_column + n * 16 + lane / 16 * 8 + lane % 8) * Tile::row_bytes +
                          k * 32 + lane / 8 % 2 * 16);
      if constexpr (sizeof(T) == 2) {
#pragma unroll
        for (int m = 0; m < down; ++m)
#pragma unroll
          for (int n = 0; n < 4; ++n)
            mma<T>(sums[m][n], a[m], b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
      } else if (short_form) {
        multiply_f32<true>(part, a, b);
      } else {
        multiply_f32<false>(part, a, b);
      }
    }
    if constexpr (sizeof(T) == 4)
#pragma unroll
      for (int m = 0; m < down; ++m)
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) sums[m][n][i] += part[m][n][i];
    if constexpr (serial)
      if (block + 1 == all_blocks * turn / serial_parts) {
        ++turn;
#pragma unroll
        for (int m = 0; m < down; ++m)
#pragma unroll
          for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              all_sums[m][n][i] += sums[m][n][i];
              sums[m][n][i] = 0;
            }
      }
  }
  if (takes_moments) {
    sum += __shfl_xor_sync(~0u, sum, 1), squares += __shfl_xor_sync(~0u, squares, 1);
    factors[thread / 2] = inverse_deviation(epilogue, sum, squares);
  }
  wait_for_copies<0>();
  __syncthreads();

  float* tile = reinterpret_cast<float*>(shared);
#pragma unroll
  for (int m = 0; m < down; ++m)
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        tile[(warp_row + m * 16 + lane / 4 + i / 2 * 8) * Tile::pitch + warp_column + n * 8 +
             lane % 4 * 2 + i % 2] = serial ? all_sums[serial ? m : 0][n][i] : sums[m][n][i];
  __syncthreads();
  if (parts > 1) {
    partial += (int64_t{part} * (gridDim.x / tiles) + group) * shape.rows * shape.columns;
    for (int i = thread; i < Tile::rows * Tile::columns; i += Tile::threads) {
      const int row = first_row + i / Tile::columns, column = first_column + i % Tile::columns;
      if (row < shape.rows && column < shape.columns)
        partial[int64_t{row} * shape.columns + column] =
            tile[i / Tile::columns * Tile::pitch + i % Tile::columns];
    }
    return;
  }
  store_tile(epilogue, group, int64_t{shape.upsample ? 0 : group} * shape.rows + first_row,
             shape.rows - first_row, 0, Tile::rows, first_column, Tile::columns, thread,
             Tile::threads, [&](int row, int column, float(&values)[8]) {
#pragma unroll
               for (int i = 0; i < 8; ++i)
                 values[i] =
                     tile[row * Tile::pitch + column + i] * (epilogue.normed ? factors[row] : 1.0f);
             });
}

/// How the portable product goes about it.
struct MmaChoice {
  int rows = 64, columns = 64;  // of a tile
  int parts = 1;                // of the depth
  bool serial = false;          // one block does them all

  /// Whose sums lie in memory.
  int parts_in_memory() const { return serial ? 1 : parts; }
};

/// Instantiated for each type in a file of its own. `partial`: for several parts.
template <class T>
void launch_gemm_mma(const Context& context, const GemmShape& shape, const MmaChoice& choice,
                     const T* x, const Rest<T>& rest, const T* weight, float* partial,
                     const EpilogueParams<T>& epilogue);

template <class T>
void launch_gemm_mma_here(const Context& context, const GemmShape& shape, const MmaChoice& choice,
                          const T* x, const Rest<T>& rest, const T* weight, float* partial,
                          const EpilogueParams<T>& epilogue) {
  const auto launch_tile = [&]<class Tile, bool gathered, bool serial>() {
    const dim3 grid(static_cast<unsigned>(shape.sets() * ceil_div(shape.rows, Tile::rows)),
                    static_cast<unsigned>(ceil_div(shape.columns, Tile::columns)),
                    static_cast<unsigned>(choice.parts_in_memory()));
    const auto kernel = gemm_mma<Tile, T, gathered, serial>;
    DRYPOINT_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       Tile::shared_bytes));
    launch(context, kernel, grid, dim3(Tile::threads), Tile::shared_bytes, 1, x, rest, weight,
           partial, shape, epilogue, shape.depth(), shape.channels_of_tap(), choice.parts,
           context.tf32);
  };
  if (shape.gathered()) return launch_tile.template operator()<SmallTile<T>, true, false>();
  const bool small = choice.rows == SmallTile<T>::rows;
  if (small && !choice.serial) return launch_tile.template operator()<SmallTile<T>, false, false>();
  if constexpr (sizeof(T) == 4) {
    if (small)
      launch_tile.template operator()<SmallTile<T>, false, true>();
    else if (choice.serial)
      launch_tile.template operator()<LargeTile<T>, false, true>();
    else
      launch_tile.template operator()<LargeTile<T>, false, false>();
  }
}

}  // namespace drypoint::cuda

// The product of operands in half precision or eight bits for all GPUs from compute capability 7.5
// on: stages of the depth are on their way to shared memory (cp.async) while warps multiply
// (mma.sync), and the factors of the next 32 bytes of the depth on their way to registers.
#pragma once

#include "backend/cuda/gemm_shape.h"
#include "backend/cuda/kernels/epilogue.cuh"
#include "backend/cuda/kernels/mma.cuh"
#include "backend/cuda/kernels/sm80_kernels.h"

namespace drypoint::cuda {

/// A tile of rows x columns results by warps of some rows x columns each; `stages` pieces of 128
/// bytes deep. `is_serial`: split-K within one block, which does part after part and adds them up
/// as the last of several blocks would.
template <int tile_rows, int tile_columns, int warp_rows, int warp_columns, int pipeline_stages,
          int blocks_at_once, bool is_serial = false>
struct Sm80Tile {
  static constexpr int rows = tile_rows, columns = tile_columns, stages = pipeline_stages;
  static constexpr int rows_of_warp = warp_rows, columns_of_warp = warp_columns;
  static constexpr int warps_down = rows / warp_rows, warps = warps_down * columns / warp_columns;
  static constexpr int threads = 32 * warps, at_once = blocks_at_once;
  static constexpr bool serial = is_serial;
  static constexpr int row_bytes = 128;
  static constexpr int stage_bytes = (rows + columns) * row_bytes;
  static constexpr int pitch = columns + 8;  // of the tile of sums, in floats
  static constexpr int sums_bytes = rows * pitch * 4;
  static constexpr int tile_bytes =
      stages * stage_bytes > sums_bytes ? stages* stage_bytes : sums_bytes;
  /// With each row's place, its factor, and each column's scale.
  static constexpr int shared_bytes = tile_bytes + rows * 20 + columns * 4;
  static_assert(rows <= threads && threads / 8 % 8 == 0 && columns % (threads / 8) == 0);
};

/// A row's window begins at this pixel, counted from where the first window of the block's first
/// picture does; there is a bit for each tap: whether there is a pixel. Of further inputs a row has
/// one pixel and the first bit.
struct RowPlace {
  uint32_t pixel, taps;
};

/// Where a piece comes from.
struct PieceSource {
  const char *a, *b;  // a thread's 16 bytes of pixel 0, of its first row of the weight
  uint32_t places;    // in shared memory
  uint32_t pitch, wanted;
  int columns_left;
};

/// Where the pieces of the depth lie, one after the other: for each piece of the channels the taps,
/// so that these find in L1 the pixels that the tap before had, too; then those of further inputs.
template <int size>
struct DepthWalk {
  int channel = 0, tap_x = 0, tap_y = 0, further = -1;

  __device__ DepthWalk(const GemmShape& shape, const GemmDivisors& divisors, int piece) {
    const int taps = divisors.taps.value;
    const int own = GemmShape::padded(shape.channels, size) / size * taps;
    if (piece < own) {
      int tap;
      channel = divisors.taps.divide(piece, tap) * size;
      tap_y = divisors.kernel_width.divide(tap, tap_x);
      return;
    }
    further = 0, channel = (piece - own) * size;
    if (channel >= GemmShape::padded(shape.rest[0]))
      further = 1, channel -= GemmShape::padded(shape.rest[0]);
  }
  __device__ int tap(const GemmShape& shape) const { return tap_y * shape.kernel_width + tap_x; }
  /// In a row of the weight.
  __device__ int place(const GemmShape& shape) const {
    const int padded = GemmShape::padded(shape.channels, size);
    if (further < 0) return tap(shape) * padded + channel;
    return shape.kernel_height * shape.kernel_width * padded + channel +
           (further > 0 ? GemmShape::padded(shape.rest[0]) : 0);
  }
  __device__ void advance(const GemmShape& shape) {
    if (further < 0) {
      if (++tap_x < shape.kernel_width) return;
      tap_x = 0;
      if (++tap_y < shape.kernel_height) return;
      tap_y = 0;
    }
    channel += size;
    if (channel >= (further < 0 ? shape.channels : further == 0 ? shape.rest[0] : shape.rest[1]))
      channel = 0, ++further;
  }
};

/// A warp's factors of 32 bytes of the depth.
template <class Tile>
struct Fragments {
  uint32_t a[Tile::rows_of_warp / 16][4], b[Tile::columns_of_warp / 16][4];

  /// `a_rows`, `b_rows`: where the lane's row begins, its half of the first 16 bytes.
  __device__ void load(uint32_t a_rows, uint32_t b_rows, int step) {
#pragma unroll
    for (int m = 0; m < Tile::rows_of_warp / 16; ++m)
      load_matrices(a[m], (a_rows ^ step * 32) + m * 16 * Tile::row_bytes);
#pragma unroll
    for (int n = 0; n < Tile::columns_of_warp / 16; ++n)
      load_matrices(b[n], (b_rows ^ step * 32) + n * 16 * Tile::row_bytes);
  }
};

/// A row's sums over the depth, for products of normed rows.
struct RowSums {
  float sum = 0, squares = 0;

  /// `row`: 64 elements, in the swizzle of row `index`.
  template <class T>
  __device__ void add(const unsigned char* row, int index) {
    constexpr int ahead = 4;
    float sums[4] = {}, of_squares[4] = {};
#pragma unroll 1
    for (int i = 0; i < 8; i += ahead) {  // a loop, so that products that are not normed skip it
      Vector<T> v[ahead];
#pragma unroll
      for (int j = 0; j < ahead; ++j)
        v[j] = *reinterpret_cast<const Vector<T>*>(row + ((i + j) ^ index % 8) * 16);
#pragma unroll
      for (int j = 0; j < ahead; ++j)
#pragma unroll
        for (int e = 0; e < 8; ++e) {
          const float x = to_float(v[j].values[e]);
          sums[e % 4] += x;
          of_squares[e % 4] = fmaf(x, x, of_squares[e % 4]);
        }
    }
    sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    squares += (of_squares[0] + of_squares[1]) + (of_squares[2] + of_squares[3]);
  }
};

/// Stores a tile whose sums lie in `tile` [rows, pitch], times `factors` of the rows unless null.
/// Each thread has one column of vectors.
template <class Tile, class T>
__device__ inline void store_sums(const EpilogueParams<T>& epilogue, int group, int64_t first_row,
                                  int rows, int first_column, const float* tile,
                                  const float* factors) {
  const int vectors = epilogue.gated ? Tile::columns / 16 : Tile::columns / 8;
  const int at_once = Tile::threads / vectors;
  const int first = threadIdx.x / vectors, at = threadIdx.x % vectors * (epilogue.gated ? 16 : 8);
  const int column = epilogue.gated ? (first_column + at) / 2 : first_column + at;
  if (first >= at_once || column >= epilogue.width) return;
  float bias[8], gate_bias[8];
  load_bias(epilogue, group, column, bias);
  if (epilogue.gated) load_bias(epilogue, group, epilogue.width + column, gate_bias);
  const float scale = epilogue.scale ? *epilogue.scale : 1.0f;
  const float factor_of_result = epilogue.to.factor(static_cast<int>(first_row));
  rows = min(rows, Tile::rows);
  const auto sums_of = [&](int row, int from, float(&values)[8], const float(&add)[8]) {
    const float4* sums = reinterpret_cast<const float4*>(tile + row * Tile::pitch + from);
    const float factor = factors ? factors[row] : 1.0f;
    const float4 lower = sums[0], upper = sums[1];
    values[0] = fmaf(lower.x, factor, add[0]), values[1] = fmaf(lower.y, factor, add[1]);
    values[2] = fmaf(lower.z, factor, add[2]), values[3] = fmaf(lower.w, factor, add[3]);
    values[4] = fmaf(upper.x, factor, add[4]), values[5] = fmaf(upper.y, factor, add[5]);
    values[6] = fmaf(upper.z, factor, add[6]), values[7] = fmaf(upper.w, factor, add[7]);
  };
  const auto out_row = [&](int row) -> int64_t {
    if (epilogue.upsampled_width == 0) return first_row + row;
    const auto all = static_cast<uint32_t>(first_row + row),
               width = uint32_t(epilogue.upsampled_width);
    const uint32_t y = all / width, x = all - y * width;
    return int64_t{2 * y + group / 2} * 2 * width + 2 * x + group % 2;
  };
  const bool whole = epilogue.width % 8 == 0;
  const auto residual_of = [&](int row) {
    Vector<T> v{};
    if (!epilogue.residual || row >= rows) return v;
    const T* from = epilogue.residual + out_row(row) * epilogue.width + column;
    if (whole) return load_vector(from);
#pragma unroll
    for (int e = 0; e < 8; ++e)
      if (column + e < epilogue.width) v.values[e] = from[e];
    return v;
  };
  constexpr int ahead = 4;  // residuals on their way
  Vector<T> residuals[ahead];
#pragma unroll
  for (int i = 0; i < ahead; ++i) residuals[i] = residual_of(first + i * at_once);
#pragma unroll 1
  for (int row = first; row < rows; row += at_once) {
    const Vector<T> residual = residuals[0];
#pragma unroll
    for (int i = 1; i < ahead; ++i) residuals[i - 1] = residuals[i];
    residuals[ahead - 1] = residual_of(row + ahead * at_once);
    float values[8];
    sums_of(row, at, values, bias);
    if (epilogue.gated) {
      float gates[8];
      sums_of(row, at + 8, gates, gate_bias);
#pragma unroll
      for (int e = 0; e < 8; ++e) values[e] *= gelu_fast(gates[e]);
    }
    const int64_t to = out_row(row) * epilogue.width + column;
#pragma unroll
    for (int e = 0; e < 8; ++e) values[e] = values[e] * scale + to_float(residual.values[e]);
    activate_all</*fast=*/true>(epilogue.activation, values);
    if (whole) {
      store_values(epilogue.to, epilogue.out, to, values, factor_of_result);
    } else {
#pragma unroll
      for (int e = 0; e < 8; ++e)
        if (column + e < epilogue.width) epilogue.out[to + e] = from_float<T>(values[e]);
    }
  }
}

/// x_of_in (and `rest`, where concatenated), weight [sets * columns, depth] of type In ->
/// epilogue.out. Grid: sets of weights * tiles of rows, tiles of columns, split-K. Where several
/// blocks share the depth, each leaves its sums in `partial` [tiles, parts, rows * columns], and
/// the last of a tile to take a ticket [tiles] (zeros before and after) adds them up, in order.
/// `serial_parts`: of a block that does them all.
template <class Tile, class In, class T>
__global__ void __launch_bounds__(Tile::threads, Tile::at_once)
    gemm_sm80(const void* __restrict__ x_of_in, Rest<T> rest, const void* __restrict__ weight_of_in,
              float* __restrict__ partial, int* __restrict__ tickets, GemmShape shape,
              GemmDivisors divisors, EpilogueParams<T> epilogue, int depth, int serial_parts) {
  if constexpr (!has_mma<In>) return;
  extern __shared__ __align__(1024) unsigned char shared[];
  RowPlace* places = reinterpret_cast<RowPlace*>(shared + Tile::tile_bytes);
  float* factors = reinterpret_cast<float*>(places + 2 * Tile::rows);
  float* scales = factors + Tile::rows;
  constexpr bool eight_bits = sizeof(In) == 1;
  constexpr int of_piece = Tile::row_bytes / sizeof(In), of_vector = 16 / sizeof(In);
  const In* x = static_cast<const In*>(x_of_in);
  const In* weight = static_cast<const In*>(weight_of_in);
  int first_row;
  const int group = divisors.tiles.divide(blockIdx.x, first_row);
  first_row *= Tile::rows;
  const int first_column = blockIdx.y * Tile::columns;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;

  const int64_t first_of_all = int64_t{shape.upsample ? 0 : group} * shape.rows + first_row;
  int first_pixel;
  const int picture = divisors.out_pixels.divide(static_cast<int>(first_of_all), first_pixel);
  if (thread < Tile::rows) {
    RowPlace place{0, 0};
    if (first_row + thread < shape.rows) {
      int pixel, column;
      const int n = divisors.out_pixels.divide(first_pixel + thread, pixel);
      int y = divisors.out_width.divide(pixel, column) * shape.stride - shape.top;
      column = column * shape.stride - shape.left;
      if (shape.upsample) y += group / 2, column += group % 2;
      place.pixel = (n * shape.height + y + shape.top) * shape.width + column + shape.left;
      for (int ky = 0, tap = 0; ky < shape.kernel_height; ++ky)
        for (int kx = 0; kx < shape.kernel_width; ++kx, ++tap)
          if (y + ky >= 0 && y + ky < shape.height && column + kx >= 0 && column + kx < shape.width)
            place.taps |= 1u << tap;
    }
    places[thread] = place;
    places[Tile::rows + thread] = {static_cast<uint32_t>(thread),
                                   first_row + thread < shape.rows ? 1u : 0u};
  }
  x += (int64_t{picture} * shape.height * shape.width - shape.top * shape.width - shape.left) *
       shape.channels;

  // Each thread copies one column of 16 bytes, of some of the rows.
  constexpr int at_once = Tile::threads / 8, steps = Tile::row_bytes / 32;
  constexpr int copies_of_a = Tile::rows / at_once, copies_of_b = Tile::columns / at_once;
  const int vector = thread % 8, own_row = thread / 8;
  const uint32_t shared_base = shared_address(shared);
  const uint32_t to = shared_base + own_row * Tile::row_bytes + (vector ^ own_row % 8) * 16;
  const int columns_left = shape.columns - first_column - own_row;
  const int64_t row_of_weight = eight_bits ? epilogue.weight_pitch : depth;
  weight += (int64_t{group} * shape.columns + first_column + own_row) * row_of_weight +
            vector * of_vector;
  const auto weight_pitch = static_cast<uint32_t>(at_once * row_of_weight * sizeof(In));

  const int pieces = depth / of_piece, parts = gridDim.z, part = blockIdx.z;
  const int begin = static_cast<int>(int64_t{pieces} * part / parts);
  const int end = static_cast<int>(int64_t{pieces} * (part + 1) / parts);
  DepthWalk<of_piece> next(shape, divisors, begin);
  const auto next_source = [&](bool there) {
    PieceSource source;
    const bool own = next.further < 0;
    const int width = own ? shape.channels : next.further == 0 ? shape.rest[0] : shape.rest[1];
    const auto* from = x + int64_t{next.tap_y * shape.width + next.tap_x} * width;
    if constexpr (!eight_bits)
      if (!own) from = (next.further == 0 ? rest.x[0] : rest.x[1]) + first_of_all * width;
    source.a = reinterpret_cast<const char*>(from + next.channel + vector * of_vector);
    source.b = reinterpret_cast<const char*>(weight + next.place(shape));
    source.places = shared_base + Tile::tile_bytes + ((own ? 0 : Tile::rows) + own_row) * 8;
    source.pitch = width * sizeof(In);
    source.wanted =
        there && next.channel + vector * of_vector < width ? 1u << (own ? next.tap(shape) : 0) : 0;
    source.columns_left = there ? columns_left : 0;
    next.advance(shape);
    return source;
  };
  // A piece's copies, a share of them with each step of the piece before.
  const auto load_share = [&](const PieceSource& source, int slot, int step) {
    const uint32_t stage = to + slot * Tile::stage_bytes;
#pragma unroll
    for (int i = copies_of_a * step / steps; i < copies_of_a * (step + 1) / steps; ++i) {
      const uint2 place = load_shared_two(source.places + i * at_once * 8);
      copy_async(stage + i * at_once * Tile::row_bytes,
                 source.a + static_cast<uint64_t>(place.x) * source.pitch,
                 (place.y & source.wanted) != 0);
    }
#pragma unroll
    for (int i = copies_of_b * step / steps; i < copies_of_b * (step + 1) / steps; ++i)
      copy_async(stage + (Tile::rows + i * at_once) * Tile::row_bytes,
                 source.b + static_cast<uint32_t>(i) * weight_pitch,
                 i * at_once < source.columns_left);
  };

  wait_for_previous();
  __syncthreads();
#pragma unroll 1
  for (int i = 0; i < Tile::stages - 1; ++i) {
    const PieceSource source = next_source(begin + i < end);
#pragma unroll
    for (int step = 0; step < steps; ++step) load_share(source, i, step);
    commit_copies();
  }
  let_next_begin();
  if constexpr (eight_bits) {
    for (int i = thread; i < Tile::columns; i += Tile::threads)
      scales[i] = weight_scale_of(epilogue, group, first_column + i);
    if (thread < Tile::rows && first_row + thread < shape.rows)
      factors[thread] = input_scale_of(epilogue, group * shape.rows + first_row + thread);
  }

  constexpr int down = Tile::rows_of_warp / 16, across = Tile::columns_of_warp / 8;
  const int warp_row = warp % Tile::warps_down * Tile::rows_of_warp;
  const int warp_column = warp / Tile::warps_down * Tile::columns_of_warp;
  const uint32_t a_rows =
      shared_base + (warp_row + lane % 16) * Tile::row_bytes + (lane / 16 ^ lane % 8) * 16;
  const uint32_t b_rows = shared_base +
                          (Tile::rows + warp_column + lane / 16 * 8 + lane % 8) * Tile::row_bytes +
                          (lane / 8 % 2 ^ lane % 8) * 16;
  SumOf<In> part_sums[down][across][4] = {};
  float sums[down][across][4] = {};  // of the parts that are done
  [[maybe_unused]] int turn = 1;     // the part at hand ends before pieces * turn / serial_parts
  const bool takes_sums = epilogue.normed && thread < Tile::rows;
  RowSums of_row, of_row_in_part;
  const auto add_part = [&] {
    of_row.sum += of_row_in_part.sum, of_row.squares += of_row_in_part.squares;
    of_row_in_part = {};
#pragma unroll
    for (int m = 0; m < down; ++m)
#pragma unroll
      for (int n = 0; n < across; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const auto sum = static_cast<float>(part_sums[m][n][i]);
          sums[m][n][i] = Tile::serial ? sums[m][n][i] + sum : sum;
          part_sums[m][n][i] = 0;
        }
  };
  Fragments<Tile> fragments[2];
  int slot = 0, free_slot = Tile::stages - 1;
  wait_for_copies<Tile::stages - 2>();
  __syncthreads();
  fragments[0].load(a_rows, b_rows, 0);
#pragma unroll 1
  for (int piece = begin; piece < end; ++piece) {
    const uint32_t stage = slot * Tile::stage_bytes;
    const PieceSource source = next_source(piece + Tile::stages - 1 < end);
    if constexpr (!eight_bits)
      if (takes_sums) of_row_in_part.add<T>(shared + stage + thread * Tile::row_bytes, thread);
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      if (step == steps - 1) {
        slot = slot + 1 == Tile::stages ? 0 : slot + 1;
        wait_for_copies<Tile::stages - 3>();
        __syncthreads();
        fragments[0].load(a_rows + slot * Tile::stage_bytes, b_rows + slot * Tile::stage_bytes, 0);
      } else {
        fragments[(step + 1) % 2].load(a_rows + stage, b_rows + stage, step + 1);
      }
#pragma unroll
      for (int m = 0; m < down; ++m)
#pragma unroll
        for (int n = 0; n < across; ++n)
          mma<In>(part_sums[m][n], fragments[step % 2].a[m],
                  fragments[step % 2].b[n / 2][n % 2 * 2],
                  fragments[step % 2].b[n / 2][n % 2 * 2 + 1]);
      load_share(source, free_slot, step);
    }
    commit_copies();
    free_slot = free_slot + 1 == Tile::stages ? 0 : free_slot + 1;
    if constexpr (Tile::serial)
      if (piece + 1 == static_cast<int>(int64_t{pieces} * turn / serial_parts)) {
        ++turn;
        add_part();
      }
  }
  if constexpr (!Tile::serial) add_part();
  wait_for_copies<0>();
  __syncthreads();

  if (parts > 1) {
    // [tiles, parts] of a tile's sums as the threads have them; then of its rows' sums.
    const int64_t tile = int64_t{blockIdx.y} * gridDim.x + blockIdx.x;
    const int64_t all_tiles = int64_t{gridDim.x} * gridDim.y;
    float4* own = reinterpret_cast<float4*>(partial) +
                  tile * parts * (Tile::rows * Tile::columns / 4) + thread;
    float2* rows =
        reinterpret_cast<float2*>(partial + all_tiles * parts * Tile::rows * Tile::columns) +
        tile * parts * Tile::rows + thread;
    constexpr int of_part = Tile::rows * Tile::columns / 4;
#pragma unroll
    for (int m = 0; m < down; ++m)
#pragma unroll
      for (int n = 0; n < across; ++n)
        __stcg(own + part * of_part + (m * across + n) * Tile::threads,
               make_float4(sums[m][n][0], sums[m][n][1], sums[m][n][2], sums[m][n][3]));
    if (takes_sums) __stcg(rows + part * Tile::rows, make_float2(of_row.sum, of_row.squares));
    __threadfence();
    __syncthreads();
    int* is_last = reinterpret_cast<int*>(places);
    if (thread == 0) *is_last = atomicAdd(tickets + tile, 1) == parts - 1;
    __syncthreads();
    if (!*is_last) return;
    __threadfence();
    if (thread == 0) tickets[tile] = 0;
#pragma unroll
    for (int m = 0; m < down; ++m)
#pragma unroll
      for (int n = 0; n < across; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[m][n][i] = 0;
    of_row = {};
#pragma unroll 1
    for (int p = 0; p < parts; ++p, own += of_part, rows += Tile::rows) {
#pragma unroll
      for (int m = 0; m < down; ++m)
#pragma unroll
        for (int n = 0; n < across; ++n) {
          const float4 v = __ldcg(own + (m * across + n) * Tile::threads);
          sums[m][n][0] += v.x, sums[m][n][1] += v.y, sums[m][n][2] += v.z, sums[m][n][3] += v.w;
        }
      if (takes_sums) {
        const float2 v = __ldcg(rows);
        of_row.sum += v.x, of_row.squares += v.y;
      }
    }
  }

  if (takes_sums) factors[thread] = inverse_deviation(epilogue, of_row.sum, of_row.squares);
  float* tile = reinterpret_cast<float*>(shared);
#pragma unroll
  for (int m = 0; m < down; ++m)
#pragma unroll
    for (int n = 0; n < across; ++n) {
      auto& own = sums[m][n];
      const int column = warp_column + n * 8 + lane % 4 * 2;
      if constexpr (eight_bits) {
        const float2 scale = *reinterpret_cast<const float2*>(scales + column);
        own[0] *= scale.x, own[1] *= scale.y, own[2] *= scale.x, own[3] *= scale.y;
      }
      float* at = tile + (warp_row + m * 16 + lane / 4) * Tile::pitch + column;
      *reinterpret_cast<float2*>(at) = make_float2(own[0], own[1]);
      *reinterpret_cast<float2*>(at + 8 * Tile::pitch) = make_float2(own[2], own[3]);
    }
  __syncthreads();
  store_sums<Tile>(epilogue, group, first_of_all, shape.rows - first_row, first_column, tile,
                   eight_bits || epilogue.normed ? factors : nullptr);
}

template <class Tile, class In, class T>
void add(std::vector<Sm80Kernel<T>>& kernels) {
  kernels.push_back({Tile::rows, Tile::columns, Tile::stages, Tile::serial, Tile::threads,
                     Tile::shared_bytes, gemm_sm80<Tile, In, T>, Tile::at_once});
}

/// For operands of type In, the most useful first.
template <class In, class T>
void add_sm80_tiles_here(std::vector<Sm80Kernel<T>>& kernels) {
  add<Sm80Tile<64, 64, 32, 32, 4, 3>, In>(kernels);
  add<Sm80Tile<128, 128, 64, 64, 3, 2>, In>(kernels);
  add<Sm80Tile<128, 64, 64, 32, 3, 3>, In>(kernels);
  add<Sm80Tile<64, 128, 32, 64, 3, 3>, In>(kernels);
  add<Sm80Tile<64, 160, 32, 80, 3, 2>, In>(kernels);
  add<Sm80Tile<256, 128, 64, 64, 3, 1>, In>(kernels);
  add<Sm80Tile<64, 64, 32, 32, 4, 3, true>, In>(kernels);
  add<Sm80Tile<128, 128, 64, 32, 3, 1, true>, In>(kernels);
  if constexpr (sizeof(In) == 2) add<Sm80Tile<128, 16, 32, 16, 4, 3>, In>(kernels);
  if constexpr (std::is_same_v<In, half>) {  // for the 64 KB of compute capability 7.5
    add<Sm80Tile<64, 64, 32, 32, 3, 3>, In>(kernels);
    add<Sm80Tile<64, 64, 32, 32, 3, 3, true>, In>(kernels);
  }
}

}  // namespace drypoint::cuda

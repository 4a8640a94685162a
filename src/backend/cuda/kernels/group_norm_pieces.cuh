// Group norm of any size: the moments of pieces are taken, and then applied: by two kernels, or by
// one whose blocks wait for each other in between.
#pragma once

#include "backend/cuda/kernels/group_norm.cuh"

namespace drypoint::cuda {

/// How a block's threads cover its piece of x: each has `size` neighbouring channels (a vector) of
/// every `rows`-th pixel.
template <class T>
struct Cover {
  static constexpr int size = Vector<T>::size;
  int rows, row, column;

  __device__ Cover(int width)
      : rows(blockDim.x / (width / size)),
        row(threadIdx.x / (width / size)),
        column(threadIdx.x % (width / size) * size) {}
  __device__ bool works() const { return row < rows; }
};

/// Adds up what the threads have of each channel, then of each group. Shared: `sums`
/// [2][rows][width] and `slices` [2 * width * slices]. Afterwards moments[g] for each of the
/// block's groups.
template <class T>
__device__ void add_up(const Cover<T>& cover, const float (&sum)[Cover<T>::size],
                       const float (&squares)[Cover<T>::size], float* sums, int width,
                       int group_size, Moments* moments) {
  if (cover.works())
#pragma unroll
    for (int i = 0; i < Cover<T>::size; i += 4) {
      float* to = sums + cover.row * width + cover.column + i;
      *reinterpret_cast<float4*>(to) = {sum[i], sum[i + 1], sum[i + 2], sum[i + 3]};
      *reinterpret_cast<float4*>(to + cover.rows * width) = {squares[i], squares[i + 1],
                                                             squares[i + 2], squares[i + 3]};
    }
  __syncthreads();
  // All threads share the rows: each adds up a slice of one channel's.
  const int values = 2 * width, slices = max(static_cast<int>(blockDim.x) / values, 1);
  for (int i = threadIdx.x; i < values * slices; i += blockDim.x) {
    const int value = i % values, slice = i / values;
    float* from = sums + value / width * cover.rows * width + value % width;
    float total = 0;
    for (int r = slice; r < cover.rows; r += slices) total += from[r * width];
    if (slice < cover.rows) from[slice * width] = total;
  }
  __syncthreads();
  // A warp for each sum of a group.
  const int there = min(slices, cover.rows), lane = threadIdx.x % 32;
  for (int i = threadIdx.x / 32; i < 2 * (width / group_size); i += blockDim.x / 32) {
    const float* from = sums + (i % 2) * cover.rows * width + i / 2 * group_size;
    float total = 0;
    for (int j = lane; j < there * group_size; j += 32)
      total += from[j / group_size * width + j % group_size];
    total = warp_sum(total);
    if (lane == 0) reinterpret_cast<float*>(moments)[i] = total;
  }
}

/// Takes the moments of some pixels' channels.
template <class T>
__device__ void take_moments(const Cover<T>& cover, typename Source<T>::Column from,
                             int64_t first_pixel, int pixels, const float (&pivot)[Cover<T>::size],
                             float (&sum)[Cover<T>::size], float (&squares)[Cover<T>::size]) {
  constexpr int ahead = 8;  // loads on their way at a time
  for (int first = cover.row; first < pixels; first += ahead * cover.rows) {
    Vector<T> v[ahead];
#pragma unroll
    for (int i = 0; i < ahead; ++i)
      if (const int p = first + i * cover.rows; p < pixels)
        v[i] = load_vector(from[first_pixel + p]);
#pragma unroll
    for (int i = 0; i < ahead; ++i) {
      const int p = first + i * cover.rows;
      if (p >= pixels) continue;
#pragma unroll
      for (int e = 0; e < Cover<T>::size; ++e) {
        const float deviation = to_float(v[i].values[e]) - pivot[e];
        sum[e] += deviation;
        squares[e] += deviation * deviation;
      }
    }
  }
}

constexpr int threads_of_piece = 512;

/// moments [samples, groups, pieces]; pivots [samples, groups], kept since y may take the place of
/// x. `shared`: sums.
template <class T>
__device__ void moments_of_piece(Source<T> x, Moments* moments, float* pivots,
                                 const GroupNormShape& s, int pixels_of_block,
                                 unsigned char* shared) {
  float* sums = reinterpret_cast<float*>(shared);
  Moments* own = reinterpret_cast<Moments*>(sums + 2 * blockDim.x * Cover<T>::size);
  const Cover<T> cover(s.channels);
  constexpr int size = Cover<T>::size;
  const int sample = blockIdx.y, first = blockIdx.x * pixels_of_block;
  const int64_t pixel = int64_t{sample} * s.pixels;
  const auto pivot_of = [&](int group) {
    return to_float(*x.column(group * s.group_size, s.channels)[pixel]);
  };
  float pivot[size], sum[size] = {}, squares[size] = {};
  if (cover.works()) {
#pragma unroll
    for (int i = 0; i < size; ++i) pivot[i] = pivot_of((cover.column + i) / s.group_size);
    take_moments<T>(cover, x.column(cover.column, s.channels), pixel + first,
                    min(pixels_of_block, s.pixels - first), pivot, sum, squares);
  }
  add_up(cover, sum, squares, sums, s.channels, s.group_size, own);
  __syncthreads();
  for (int g = threadIdx.x; g < s.groups; g += blockDim.x) {
    moments[(sample * s.groups + g) * gridDim.x + blockIdx.x] = own[g];
    if (blockIdx.x == 0) pivots[sample * s.groups + g] = pivot_of(g);
  }
}

/// Grid: pieces of pixels, samples. All channels of some pixels; for those in whole vectors.
template <class T>
__global__ void __launch_bounds__(threads_of_piece)
    group_norm_moments(Source<T> x, Moments* moments, float* pivots, GroupNormShape s,
                       int pixels_of_block) {
  extern __shared__ __align__(16) unsigned char shared[];
  wait_for_previous();
  let_next_begin();
  moments_of_piece(x, moments, pivots, s, pixels_of_block, shared);
}

/// The same for any number of channels. Grid: pieces of pixels, samples * groups.
template <class T>
__global__ void __launch_bounds__(256)
    group_norm_moments_any(Source<T> x, Moments* moments, float* pivots, GroupNormShape s,
                           int pixels_of_block) {
  __shared__ Moments of_warp[8];
  wait_for_previous();
  let_next_begin();
  const int sample = blockIdx.y / s.groups, group = blockIdx.y % s.groups;
  const auto value = [&](int pixel, int channel) {
    return to_float(
        *x.column(group * s.group_size + channel, s.channels)[int64_t{sample} * s.pixels + pixel]);
  };
  const float pivot = value(0, 0);
  const int first = blockIdx.x * pixels_of_block;
  const int count = min(pixels_of_block, s.pixels - first) * s.group_size;
  float sum = 0, squares = 0;
  for (int i = threadIdx.x; i < count; i += 256) {
    const int pixel = i / s.group_size;
    const float deviation = value(first + pixel, i - pixel * s.group_size) - pivot;
    sum += deviation;
    squares += deviation * deviation;
  }
  sum = warp_sum(sum), squares = warp_sum(squares);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = {sum, squares};
  __syncthreads();
  if (threadIdx.x == 0) {
    Moments total{0, 0};
    for (const Moments& m : of_warp) total.sum += m.sum, total.squares += m.squares;
    moments[blockIdx.y * gridDim.x + blockIdx.x] = total;
    if (blockIdx.x == 0) pivots[blockIdx.y] = pivot;
  }
}

/// `shared`: factors [channels].
template <class T>
__device__ void apply_to_piece(Source<T> x, const Moments* moments, const float* pivots, int pieces,
                               const float* gamma, const float* beta, T* y, const GroupNormShape& s,
                               int pixels_of_block, unsigned char* shared) {
  Factors* factors = reinterpret_cast<Factors*>(shared);
  const int sample = blockIdx.y, weights = sample / s.samples_of_weights * s.channels;
  // Each warp finishes one group after the other: all its lanes add up the pieces.
  for (int g = threadIdx.x / 32; g < s.groups; g += blockDim.x / 32) {
    Moments total{0, 0};
    for (int p = threadIdx.x % 32; p < pieces; p += 32) {
      const float2 m =
          __ldcg(reinterpret_cast<const float2*>(moments + (sample * s.groups + g) * pieces + p));
      total.sum += m.x, total.squares += m.y;
    }
    total = {warp_sum(total.sum), warp_sum(total.squares)};
    const float pivot = __ldcg(pivots + sample * s.groups + g);
    for (int c = g * s.group_size + threadIdx.x % 32; c < (g + 1) * s.group_size; c += 32)
      factors[c] = factors_of(total, pivot, static_cast<float>(s.pixels) * s.group_size, s.epsilon,
                              gamma[weights + c], beta[weights + c]);
  }
  __syncthreads();
  const int first = blockIdx.x * pixels_of_block;
  const int pixels = min(pixels_of_block, s.pixels - first);
  const int64_t first_pixel = int64_t{sample} * s.pixels + first;
  const float factor = s.factor_of_sample(sample);
  const Cover<T> cover(max(s.channels, Cover<T>::size));
  if (s.channels % Cover<T>::size == 0 && cover.rows > 0) {
    if (!cover.works()) return;
    Factors own[Cover<T>::size];
#pragma unroll
    for (int i = 0; i < Cover<T>::size; ++i) own[i] = factors[cover.column + i];
    const auto from = x.column(cover.column, s.channels);
    with_activation(s.activation, [&](const auto& activate) {
#pragma unroll 4
      for (int p = cover.row; p < pixels; p += cover.rows)
        store_normed(s.to, y, (first_pixel + p) * s.channels + cover.column,
                     load_vector(from[first_pixel + p]), own, activate, factor);
    });
  } else {
    for (int64_t i = threadIdx.x; i < int64_t{pixels} * s.channels; i += blockDim.x) {
      const auto channel = static_cast<int>(i % s.channels);
      const float value = to_float(*x.column(channel, s.channels)[first_pixel + i / s.channels]);
      store_one(s.to, y, first_pixel * s.channels + i,
                activate(s.activation, factors[channel](value)), factor);
    }
  }
}

/// Grid: pieces of pixels, samples. Shared: factors [channels].
template <class T>
__global__ void __launch_bounds__(threads_of_piece)
    group_norm_apply(Source<T> x, const Moments* moments, const float* pivots, int pieces,
                     const float* gamma, const float* beta, T* y, GroupNormShape s,
                     int pixels_of_block) {
  extern __shared__ __align__(16) unsigned char shared[];
  wait_for_previous();
  let_next_begin();
  apply_to_piece(x, moments, pivots, pieces, gamma, beta, y, s, pixels_of_block, shared);
}

/// Waits for `blocks` blocks. `count`: between launches all but its highest bit are zeros; who
/// comes last turns that.
__device__ inline void meet_blocks(int* count, int blocks, bool is_first) {
  constexpr unsigned turn = 0x80000000u;
  __syncthreads();
  if (threadIdx.x == 0) {
    auto* counter = reinterpret_cast<unsigned*>(count);
    __threadfence();
    const unsigned before = atomicAdd(counter, is_first ? turn - (blocks - 1) : 1u);
    while (((*static_cast<volatile unsigned*>(counter) ^ before) & turn) == 0) {
    }
    __threadfence();
  }
  __syncthreads();
}

/// Both at once, where all blocks run at once. Grid: pieces of pixels, samples. `barriers`: of each
/// sample. Shared: sums, and then factors.
template <class T>
__global__ void __launch_bounds__(threads_of_piece)
    group_norm_together(Source<T> x, Moments* moments, float* pivots, int* barriers,
                        const float* gamma, const float* beta, T* y, GroupNormShape s,
                        int pixels_of_block) {
  extern __shared__ __align__(16) unsigned char shared[];
  wait_for_previous();
  moments_of_piece(x, moments, pivots, s, pixels_of_block, shared);
  meet_blocks(barriers + blockIdx.y, gridDim.x, blockIdx.x == 0);
  apply_to_piece(x, moments, pivots, gridDim.x, gamma, beta, y, s, pixels_of_block, shared);
}

}  // namespace drypoint::cuda

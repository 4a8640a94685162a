// Group norm where a cluster of blocks can hold a sample's share of channels in shared memory: x is
// read once, each block sums its pixels, sends its sums to the others, adds up what it has got, and
// writes its pixels. On GPUs without clusters, where one block can.
#pragma once

#include "backend/cuda/kernels/group_norm.cuh"
#include "backend/cuda/kernels/tma.cuh"

namespace drypoint::cuda {

/// Of a piece's rows in shared memory: an odd number of vectors, so that eight of a column's lie in
/// different banks.
inline int pitch_of(int width, int size) { return width / size % 2 == 0 ? width + size : width; }

/// What a block holds of x: some pixels of a share of the channels, and how its threads cover that:
/// each has a vector of channels of every `rows`-th pixel. Where they add up, each warp has a
/// vector, and lanes different pixels; `slots` warps share one.
struct HeldPiece {
  int pixels, width, groups;  // width: channels, whole groups
  int pitch;                  // of a pixel in shared memory
  int rows, slots;
  Divisor vectors, group_size;

  /// Behind the pixels: sums [slots][2][width], and what follows from them [3][width].
  size_t shared_bytes(size_t element) const {
    return static_cast<size_t>(pixels) * pitch * element +
           static_cast<size_t>((2 * slots + 3) * width) * 4;
  }
};

/// Adds up over the lanes of a warp: lane l gets, as values[0], the sum of the lanes'
/// values[l * count / 32]. Halves what each lane has to do with every exchange, for as long as
/// there are several values. (Recursive, so that no index is left to be found at run time.)
template <int half, int mask, int count>
__device__ inline void add_across(float (&values)[count]) {
  if constexpr (mask > 0) {
    const bool upper = threadIdx.x & mask;
    if constexpr (half == 0) values[0] += __shfl_xor_sync(~0u, values[0], mask);
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const float give = upper ? values[i] : values[i + half];
      values[i] = (upper ? values[i + half] : values[i]) + __shfl_xor_sync(~0u, give, mask);
    }
    add_across<half / 2, mask / 2>(values);
  }
}

/// Calls `take(g, moments)` for each group of a piece in shared memory, by the lanes of a warp,
/// with moments about the group's first element. Those of channels are about the channel's.
template <class T, class Take>
__device__ void add_up_held(const T* held, const HeldPiece& piece, int pixels, float* sums,
                            const Take& take) {
  constexpr int size = Vector<T>::size;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int width = piece.width, tasks = piece.vectors.value * piece.slots;
  for (int task = warp; task < tasks; task += warps) {
    int column;
    const int slot = piece.vectors.divide(task, column);
    column *= size;
    float pivot[size], values[2 * size] = {};
    const Vector<T> first = load_vector(held + column);
#pragma unroll
    for (int i = 0; i < size; ++i) pivot[i] = to_float(first.values[i]);
    const int step = piece.slots * 32;
    const T* from = held + (slot * 32 + lane) * piece.pitch + column;
#pragma unroll 2
    for (int p = slot * 32 + lane; p < pixels; p += step, from += step * piece.pitch) {
      const Vector<T> v = load_vector(from);
#pragma unroll
      for (int i = 0; i < size; ++i) {
        const float deviation = to_float(v.values[i]) - pivot[i];
        values[i] += deviation;
        values[size + i] += deviation * deviation;
      }
    }
    constexpr int lanes = 32 / (2 * size);  // that end up with the same sum
    add_across<size, 16>(values);
    const int i = lane / lanes;
    if (lane % lanes == 0) sums[(slot * 2 + i / size) * width + column + i % size] = values[0];
  }
  __syncthreads();
  const auto count = static_cast<float>(pixels);
  const int group_size = piece.group_size.value;
  for (int g = warp; g < piece.groups; g += warps) {
    const int first = g * group_size;
    const float pivot = to_float(held[first]);
    Moments total{};
    for (int channel = first + lane; channel < first + group_size; channel += 32) {
      Moments own{};
      for (int slot = 0; slot < piece.slots; ++slot) {
        const float* at = sums + slot * 2 * width + channel;
        own.sum += at[0], own.squares += at[width];
      }
      const float off = to_float(held[channel]) - pivot;
      total.squares += own.squares + off * (2 * own.sum + count * off);
      total.sum += own.sum + count * off;
    }
    take(g, Moments{warp_sum(total.sum), warp_sum(total.squares)});
  }
}

constexpr int most_groups_of_block = 64;
constexpr size_t fixed_shared_bytes = 19 * 1024;  // room for what does not depend on the piece

/// Of a block's pixels: sum and squares of deviations from the block's own pivot, the pivot, and
/// how many there are.
using PartialMoments = float4;

/// Mean and scale of a group, of which `parts` blocks have moments.
__device__ inline float2 join(const PartialMoments* of_part, int parts, float epsilon) {
  const float pivot = of_part[0].z;
  float sum = 0, squares = 0, count = 0;
  for (int p = 0; p < parts; ++p) {
    const PartialMoments m = of_part[p];
    const float off = m.z - pivot;
    sum += m.x + m.w * off;
    squares += m.y + off * (2 * m.x + m.w * off);
    count += m.w;
  }
  const float mean = sum / count;
  return {pivot + mean, rsqrtf(fmaxf(squares / count - mean * mean, 0.0f) + epsilon)};
}

/// Grid: pieces of channels, samples, pieces of pixels (the cluster). Shared: as the piece says.
template <class T>
__global__ void __launch_bounds__(512)
    group_norm_at_once(Source<T> x, const float* gamma, const float* beta, T* y, GroupNormShape s,
                       HeldPiece piece) {
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ PartialMoments all[most_groups_of_block][8];
  [[maybe_unused]] __shared__ uint64_t received;
  constexpr int size = Vector<T>::size;
  T* held = reinterpret_cast<T*>(shared);
  float* sums = reinterpret_cast<float*>(held + piece.pixels * piece.pitch);
  const int parts = gridDim.z, part = blockIdx.z;
  int column;
  const int row = piece.vectors.divide(threadIdx.x, column);
  column *= size;
  const bool works = row < piece.rows;

  const int first_channel = blockIdx.x * piece.width, sample = blockIdx.y;
  const int pixels = min(piece.pixels, s.pixels - part * piece.pixels);
  const int64_t first_pixel = int64_t{sample} * s.pixels + part * piece.pixels;
  // Constants need not wait for the kernel before.
  const int64_t weights = int64_t{sample / s.samples_of_weights} * s.channels + first_channel;
  gamma += weights, beta += weights;
  float own_gamma = 0, own_beta = 0;
  if (threadIdx.x < piece.width) own_gamma = gamma[threadIdx.x], own_beta = beta[threadIdx.x];
  if (parts > 1) {
#if __CUDA_ARCH__ >= 900
    if (threadIdx.x == 0) {
      barrier_init(&received, 1);
      barrier_init_done();
    }
    cluster_arrive();
#endif
  }
  T* const place = held + row * piece.pitch + column;
  const int step = piece.rows * piece.pitch;
  wait_for_previous();
  if (works) {
    const auto source = x.column(first_channel + column, s.channels);
    const T* from = source[first_pixel + row];
    T* to = place;
#pragma unroll 4
    for (int p = row; p < pixels; p += piece.rows) {
      copy_async(to, from, true);
      to += step, from += piece.rows * source.pitch;
    }
  }
  commit_copies();
  let_next_begin();
  wait_for_copies<0>();
  __syncthreads();

#if __CUDA_ARCH__ >= 900
  if (parts > 1) cluster_wait();  // the others are there, with their barriers
  if (parts > 1 && threadIdx.x < 32)
    barrier_arrive_expecting(&received, parts * piece.groups * int{sizeof(PartialMoments)});
#endif
  const auto count = static_cast<float>(pixels * piece.group_size.value);
  add_up_held(held, piece, pixels, sums, [&](int g, Moments moments) {
    const PartialMoments own{moments.sum, moments.squares,
                             to_float(held[g * piece.group_size.value]), count};
    [[maybe_unused]] const int lane = threadIdx.x % 32;
    if (parts == 1)
      all[g][0] = own;
#if __CUDA_ARCH__ >= 900
    else if (lane < parts)
      send_to_block(&all[g][part], own, &received, lane);
#endif
  });
#if __CUDA_ARCH__ >= 900
  if (parts > 1)
    barrier_wait(&received, 0);
  else
#endif
    __syncthreads();
  float* factors = sums + 2 * piece.slots * piece.width;  // mean, scale and shift of each channel
  for (int channel = threadIdx.x; channel < piece.width; channel += blockDim.x) {
    if (channel >= blockDim.x) own_gamma = gamma[channel], own_beta = beta[channel];
    const float2 group = join(all[piece.group_size.divide(channel)], parts, s.epsilon);
    factors[channel] = group.x;
    factors[piece.width + channel] = group.y * own_gamma;
    factors[2 * piece.width + channel] = own_beta;
  }
  __syncthreads();
  if (works) {
    Factors own[size];
#pragma unroll
    for (int i = 0; i < size; i += 4) {
      const auto four = [&](int of) {
        return *reinterpret_cast<const float4*>(factors + of * piece.width + column + i);
      };
      const float4 mean = four(0), scale = four(1), shift = four(2);
      own[i] = {mean.x, scale.x, shift.x};
      own[i + 1] = {mean.y, scale.y, shift.y};
      own[i + 2] = {mean.z, scale.z, shift.z};
      own[i + 3] = {mean.w, scale.w, shift.w};
    }
    const float factor = s.factor_of_sample(sample);
    with_activation(s.activation, [&](const auto& activate) {
      const T* from = place;
      int64_t at = (first_pixel + row) * s.channels + first_channel + column;
#pragma unroll 2
      for (int p = row; p < pixels; p += piece.rows) {
        store_normed(s.to, y, at, load_vector(from), own, activate, factor);
        from += step, at += int64_t{piece.rows} * s.channels;
      }
    });
  }
}

}  // namespace drypoint::cuda

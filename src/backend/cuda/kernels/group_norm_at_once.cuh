// Group norm where a cluster of blocks can hold a sample's share of channels in shared memory: x is
// read once, each block sums its pixels, sends its sums to the others, adds up what it has got, and
// writes its pixels.
#pragma once

#include "backend/cuda/kernels/group_norm.cuh"
#include "backend/cuda/kernels/tma.cuh"

namespace drypoint::cuda {

/// Of a piece's rows in shared memory: an odd number of vectors, so that eight of a column's lie in
/// different banks.
__host__ __device__ inline int pitch_of(int width, int size) {
  return width / size % 2 == 0 ? width + size : width;
}

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

/// Calls `take(g, moments)` for each group of a piece [pixels, width] in shared memory whose rows
/// are `pitch` apart, by the lanes of a warp, with moments about the group's first element. A warp
/// takes a vector of channels, its lanes different pixels. Shared: `sums` [slots][2][width].
template <class T, class Take>
__device__ void add_up_held(const T* held, int pitch, int pixels, int width, int group_size,
                            float* sums, const Take& take) {
  constexpr int size = Cover<T>::size;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int columns = width / size, slots = max(warps / columns, 1);
  for (int task = warp; task < columns * slots; task += warps) {
    const int column = task % columns * size, slot = task / columns;
    float pivot[size], values[2 * size] = {};
#pragma unroll
    for (int i = 0; i < size; ++i)
      pivot[i] = to_float(held[(column + i) / group_size * group_size]);
#pragma unroll 2
    for (int p = slot * 32 + lane; p < pixels; p += slots * 32) {
      const Vector<T> v = load_vector(held + p * pitch + column);
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
  for (int g = warp; g < width / group_size; g += warps) {
    const float* from = sums + g * group_size;
    Moments total{};
    for (int j = lane; j < slots * group_size; j += 32) {
      const float* at = from + j / group_size * 2 * width + j % group_size;
      total.sum += at[0], total.squares += at[width];
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

/// Grid: pieces of `width` channels (whole groups), samples, pieces of pixels (the cluster).
/// Shared: the piece [pixels, pitch], then sums.
template <class T>
__global__ void __launch_bounds__(512)
    group_norm_at_once(Source<T> x, const float* gamma, const float* beta, T* y, GroupNormShape s,
                       int width, int pixels_of_block) {
#if __CUDA_ARCH__ >= 900
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ PartialMoments all[most_groups_of_block][8];
  __shared__ uint64_t received;
  __shared__ float2 mean_and_scale[most_groups_of_block];
  const Cover<T> cover(width);
  constexpr int size = Cover<T>::size;
  const int groups = width / s.group_size, parts = gridDim.z;
  T* held = reinterpret_cast<T*>(shared);
  const int pitch = pitch_of(width, size);
  float* sums = reinterpret_cast<float*>(held + pixels_of_block * pitch);

  const int first_channel = blockIdx.x * width, sample = blockIdx.y;
  const int first_pixel = blockIdx.z * pixels_of_block;
  const int pixels = min(pixels_of_block, s.pixels - first_pixel);
  const int64_t offset = (int64_t{sample} * s.pixels + first_pixel) * s.channels + first_channel;
  const int weights = sample / s.samples_of_weights * s.channels + first_channel + cover.column;

  if (parts > 1) {
    if (threadIdx.x == 0) {
      barrier_init(&received, 1);
      barrier_init_done();
    }
    cluster_arrive();
  }
  wait_for_previous();
  if (cover.works()) {
    const auto from = x.column(first_channel + cover.column, s.channels);
    for (int p = cover.row; p < pixels; p += cover.rows)
      copy_async(held + p * pitch + cover.column,
                 from[int64_t{sample} * s.pixels + first_pixel + p], true);
  }
  commit_copies();
  let_next_begin();
  float own_gamma[size], own_beta[size];
  if (cover.works())
#pragma unroll
    for (int i = 0; i < size; i += 4) {
      *reinterpret_cast<float4*>(own_gamma + i) =
          *reinterpret_cast<const float4*>(gamma + weights + i);
      *reinterpret_cast<float4*>(own_beta + i) =
          *reinterpret_cast<const float4*>(beta + weights + i);
    }
  wait_for_copies<0>();
  __syncthreads();

  if (parts > 1) cluster_wait();  // the others are there, with their barriers
  if (parts > 1 && threadIdx.x < 32)
    barrier_arrive_expecting(&received, parts * groups * int{sizeof(PartialMoments)});
  const int part = blockIdx.z;
  add_up_held(held, pitch, pixels, width, s.group_size, sums, [&](int g, Moments moments) {
    const PartialMoments own{moments.sum, moments.squares, to_float(held[g * s.group_size]),
                             static_cast<float>(pixels * s.group_size)};
    const int lane = threadIdx.x % 32;
    if (parts == 1)
      all[g][0] = own;
    else if (lane < parts)
      send_to_block(&all[g][part], own, &received, lane);
  });
  if (parts > 1)
    barrier_wait(&received, 0);
  else
    __syncthreads();
  for (int g = threadIdx.x; g < groups; g += blockDim.x)
    mean_and_scale[g] = join(all[g], parts, s.epsilon);
  __syncthreads();
  if (cover.works()) {
    Factors factors[size];
#pragma unroll
    for (int i = 0; i < size; ++i) {
      const float2 group = mean_and_scale[(cover.column + i) / s.group_size];
      factors[i] = {group.x, group.y * own_gamma[i], own_beta[i]};
    }
    with_activation(s.activation, [&](const auto& activate) {
#pragma unroll 2
      for (int p = cover.row; p < pixels; p += cover.rows)
        store_vector(y + offset + int64_t{p} * s.channels + cover.column,
                     normed(load_vector(held + p * pitch + cover.column), factors, activate));
    });
  }
#endif
}

}  // namespace drypoint::cuda

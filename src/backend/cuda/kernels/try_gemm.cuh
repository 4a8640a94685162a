// What a product is tried with before it is chosen.
#pragma once

#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {

/// Random values, again from each multiple of `period` on.
template <class T>
__global__ void fill_random(T* values, int64_t count, int64_t period) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    uint32_t x = static_cast<uint32_t>(i % period) * 2654435761u;
    x ^= x >> 15, x *= 2246822519u, x ^= x >> 13;
    const float value = static_cast<float>(x & 0xffff) * 0x1p-16f - 0.5f;
    if constexpr (std::is_same_v<T, int8_t>)
      values[i] = static_cast<int8_t>(value * 254);
    else
      values[i] = from_float<T>(value);
  }
}

/// Counts the values that are not what they were a `period` before, in each group by itself.
template <class T>
__global__ void count_unlike(const T* values, int64_t count, int64_t of_group, int64_t period,
                             int* unlike) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    if (i % of_group >= period && to_float(values[i]) != to_float(values[i - period]))
      atomicAdd(unlike, 1);
}

}  // namespace drypoint::cuda

// The ends of a product that a library has computed.
#pragma once

#include "backend/cuda/kernels/copy.cuh"
#include "backend/cuda/kernels/ends.cuh"

namespace drypoint::cuda {

/// What is left to do of a product [rows, columns] that lies in memory, `of_group` rows in each
/// group.
template <class T>
__global__ void finish_product(const T* product, Ends<T> ends, int64_t of_group, int64_t rows) {
  wait_for_previous();
  let_next_begin();
  const int step = ends.gated ? 16 : 8, vectors = ends.columns / step;
  const auto load = [&](int64_t row, int at, float(&values)[8]) {
    constexpr int size = Vector<T>::size;
#pragma unroll
    for (int i = 0; i < 8; i += size) {
      const Vector<T> v = load_vector(product + row * ends.columns + at + i);
#pragma unroll
      for (int e = 0; e < size; ++e) values[i + e] = to_float(v.values[e]);
    }
  };
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < rows * vectors;
       i += stride) {
    const int64_t row = i / vectors;
    const int at = static_cast<int>(i % vectors) * step;
    float values[8], gates[8];
    load(row, at, values);
    if (ends.gated) load(row, at + 8, gates);
    store_ends(ends, static_cast<int>(row / of_group), row, ends.gated ? at / 2 : at, values,
               gates);
  }
}

}  // namespace drypoint::cuda

// The epilogue of a product whose sums lie in memory: a library has left them there, or blocks that
// each did a part of the depth.
#pragma once

#include "backend/cuda/kernels/copy.cuh"
#include "backend/cuda/kernels/epilogue.cuh"

namespace drypoint::cuda {

/// sums [parts, rows, columns], `of_set` rows for each set of weights; see `GemmShape::sets`.
template <class T, class Sum>
__global__ void finish_gemm(const Sum* sums, int parts, EpilogueParams<T> epilogue, int64_t of_set,
                            int64_t rows) {
  wait_for_previous();
  let_next_begin();
  const int step = epilogue.gated ? 16 : 8, vectors = epilogue.columns / step;
  const auto load = [&](int64_t row, int at, float(&values)[8]) {
    constexpr int size = Vector<Sum>::size;
#pragma unroll
    for (int i = 0; i < 8; ++i) values[i] = 0;
    for (int part = 0; part < parts; ++part)
#pragma unroll
      for (int i = 0; i < 8; i += size) {
        const Vector<Sum> v = load_vector(sums + (part * rows + row) * epilogue.columns + at + i);
#pragma unroll
        for (int e = 0; e < size; ++e) values[i + e] += to_float(v.values[e]);
      }
  };
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < rows * vectors;
       i += stride) {
    const int64_t row = i / vectors;
    const int at = static_cast<int>(i % vectors) * step;
    const int set = static_cast<int>(row / of_set);
    float values[8], gates[8];
    load(row, at, values);
    if (epilogue.gated) load(row, at + 8, gates);
    store_epilogue(epilogue, set, epilogue.upsampled_width ? row - set * of_set : row,
                   epilogue.gated ? at / 2 : at, values, gates);
  }
}

}  // namespace drypoint::cuda

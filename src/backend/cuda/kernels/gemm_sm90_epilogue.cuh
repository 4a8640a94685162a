// How Hopper's product stores its sums: from registers, or a share of the rows from shared memory.
// They are written for few instructions: in a step each kernel follows another, and fetching
// code that runs once costs more than running it.
#pragma once

#include "backend/cuda/kernels/epilogue.cuh"
#include "backend/cuda/kernels/tma.cuh"

namespace drypoint::cuda {

/// A warpgroup's staged 64 rows to the result, 16 bytes at a time; `vectors` of them a row.
template <int vectors, class Body>
__device__ inline void for_each_vector(int rows, int width, int first, const Body& body) {
#pragma unroll 1
  for (int i = threadIdx.x % 128; i < 64 * vectors; i += 128) {
    const int row = i / vectors, column = i % vectors * 8;
    if (row < rows && first + column < width) body(row, column);
  }
}

/// What results of eight bits are multiplied by, from `first_row` on: the group has `rows` more, of
/// a tile beyond its end none.
template <class T>
__device__ inline float factor_of_tile(const EpilogueParams<T>& epilogue, int64_t first_row,
                                       int rows) {
  return epilogue.to.factor(static_cast<int>(first_row) + min(rows - 1, 0));
}

/// A warpgroup's 64 rows of sums: with the bias to `staging` [64, columns + 8], and from there with
/// what else there is to the result. `factors`: of each row, or null. `scales`: of each column,
/// where operands have eight bits, else null.
template <int columns, class T, class Sum>
__device__ inline void store_warpgroup(const EpilogueParams<T>& epilogue, int group,
                                       const float* bias, const float* factors, const float* scales,
                                       Sum (&sums)[columns / 2], T* staging, int64_t first_row,
                                       int rows, int first_column, int warpgroup) {
  constexpr int pitch = columns + 8;
  const int thread = threadIdx.x % 128, lane = thread % 32;
  const int row = thread / 32 * 16 + lane / 4;
  T* own = staging + row * pitch + lane % 4 * 2;
  const float scale = epilogue.scale ? *epilogue.scale : 1.0f;
  const float upper = factors ? factors[row] : 1.0f, lower = factors ? factors[row + 8] : 1.0f;
#pragma unroll
  for (int i = 0; i < columns / 8; ++i) {
    const float2 b = *reinterpret_cast<const float2*>(bias + i * 8 + lane % 4 * 2);
    float values[4];
#pragma unroll
    for (int e = 0; e < 4; ++e) values[e] = static_cast<float>(sums[i * 4 + e]);
    if (scales) {  // known when compiled
      const float2 c = *reinterpret_cast<const float2*>(scales + i * 8 + lane % 4 * 2);
      values[0] *= c.x, values[1] *= c.y, values[2] *= c.x, values[3] *= c.y;
    }
    *reinterpret_cast<uint32_t*>(own + i * 8) =
        pack_two<T>(fmaf(values[0], upper, b.x) * scale, fmaf(values[1], upper, b.y) * scale);
    *reinterpret_cast<uint32_t*>(own + 8 * pitch + i * 8) =
        pack_two<T>(fmaf(values[2], lower, b.x) * scale, fmaf(values[3], lower, b.y) * scale);
  }
  const float factor = factor_of_tile(epilogue, first_row, rows);
  meet<128>(2 + warpgroup);
  if (epilogue.gated) {
    for_each_vector<columns / 16>(rows, epilogue.width, first_column / 2, [&](int row, int column) {
      const Vector<T> value = load_vector(staging + row * pitch + column * 2),
                      gate = load_vector(staging + row * pitch + column * 2 + 8);
      float values[8];
#pragma unroll
      for (int e = 0; e < 8; ++e)
        values[e] = to_float(value.values[e]) * gelu_fast(to_float(gate.values[e]));
      store_values(epilogue.to, epilogue.out,
                   (first_row + row) * epilogue.width + first_column / 2 + column, values, factor);
    });
  } else if (epilogue.activation != ActivationKind::none || epilogue.to.scales) {
    for_each_vector<columns / 8>(rows, epilogue.width, first_column, [&](int row, int column) {
      const int64_t place = place_of(epilogue, first_row + row, group);
      const int64_t at = place * epilogue.width + first_column + column;
      const Vector<T> v = load_vector(staging + row * pitch + column);
      float values[8];
#pragma unroll
      for (int e = 0; e < 8; ++e) values[e] = to_float(v.values[e]);
      if (epilogue.residual) {
        const Vector<T> residual = load_vector(epilogue.residual + at);
#pragma unroll
        for (int e = 0; e < 8; ++e) values[e] += to_float(residual.values[e]);
      }
      activate_all(epilogue.activation, values);
      store_values(epilogue.to, epilogue.out, at, values, factor);
    });
  } else if (epilogue.residual) {
    constexpr int vectors = columns / 8, ahead = vectors < 8 ? 2 : 4;  // loads on their way
    const T* residual = epilogue.residual + first_row * epilogue.width;
    T* out = epilogue.out + first_row * epilogue.width;
#pragma unroll 1
    for (int begin = thread; begin < 64 * vectors; begin += ahead * 128) {
      Vector<T> r[ahead];
      int64_t at[ahead];
#pragma unroll
      for (int i = 0; i < ahead; ++i) {
        const int row = (begin + i * 128) / vectors, column = (begin + i * 128) % vectors * 8;
        const bool there = row < min(rows, 64) && first_column + column < epilogue.width;
        at[i] = there ? int64_t{row} * epilogue.width + first_column + column : -1;
        if (there) r[i] = load_vector(residual + at[i]);
      }
#pragma unroll
      for (int i = 0; i < ahead; ++i) {
        if (at[i] < 0) continue;
        const int row = (begin + i * 128) / vectors, column = (begin + i * 128) % vectors * 8;
        const Vector<T> v = load_vector(staging + row * pitch + column);
        float values[8];
#pragma unroll
        for (int e = 0; e < 8; ++e) values[e] = to_float(v.values[e]) + to_float(r[i].values[e]);
        store_vector(out + at[i], to_vector<T>(values));
      }
    }
  } else {
    for_each_vector<columns / 8>(rows, epilogue.width, first_column, [&](int row, int column) {
      store_vector(epilogue.out + place_of(epilogue, first_row + row, group) * epilogue.width +
                       first_column + column,
                   load_vector(staging + row * pitch + column));
    });
  }
}

/// A block's share of the rows, of which `sum(row, column, values)` gives eight sums and their
/// factor, to the result. `received`: the barrier that says when they are all there. Rounds as
/// `store_warpgroup` does, to the bit.
template <int columns, class T, class Sum>
__device__ inline void store_share(const EpilogueParams<T>& epilogue, int group, const float* bias,
                                   int64_t first_row, int rows, int begin_row, int end_row,
                                   int first_column, int threads, uint64_t* received,
                                   const Sum& sum) {
  const float scale = epilogue.scale ? *epilogue.scale : 1.0f;
  const float factor_of_result = factor_of_tile(epilogue, first_row, rows);
  const auto eight = [&](int row, int column, float(&values)[8]) {
    const float factor = sum(row, column, values);
#pragma unroll
    for (int e = 0; e < 8; ++e) values[e] = fmaf(values[e], factor, bias[column + e]) * scale;
    const Vector<T> rounded = to_vector<T>(values);
#pragma unroll
    for (int e = 0; e < 8; ++e) values[e] = to_float(rounded.values[e]);
  };
  const auto for_all = [&](auto step, const auto& body) {
    constexpr int vectors = columns / step();
    const int end = end_row * vectors;
    const auto place = [&](int i) -> int64_t {  // in the result; -1: beyond it
      const int row = i / vectors, column = first_column * 8 / step() + i % vectors * 8;
      if (i >= end || row >= rows || column >= epilogue.width) return -1;
      return place_of(epilogue, first_row + row, group) * epilogue.width + column;
    };
    int i = begin_row * vectors + threadIdx.x;
    int64_t at = place(i);
    Vector<T> residual;
    if (epilogue.residual && at >= 0) residual = load_vector(epilogue.residual + at);
    barrier_wait(received, 0);
    __syncwarp();
    cluster_arrive();
#pragma unroll 1
    while (i < end) {
      float values[8];
      body(i / vectors, i % vectors * step(), values);
      if (epilogue.residual)
#pragma unroll
        for (int e = 0; e < 8; ++e) values[e] += to_float(residual.values[e]);
      if (epilogue.activation != ActivationKind::none) activate_all(epilogue.activation, values);
      if (at >= 0) store_values(epilogue.to, epilogue.out, at, values, factor_of_result);
      i += threads;
      at = place(i);
      if (epilogue.residual && at >= 0) residual = load_vector(epilogue.residual + at);
    }
  };
  if (epilogue.gated)
    for_all(std::integral_constant<int, 16>(), [&](int row, int column, float(&values)[8]) {
      float gates[8];
      eight(row, column, values);
      eight(row, column + 8, gates);
#pragma unroll
      for (int e = 0; e < 8; ++e) values[e] *= gelu_fast(gates[e]);
    });
  else
    for_all(std::integral_constant<int, 8>(), eight);
}

}  // namespace drypoint::cuda

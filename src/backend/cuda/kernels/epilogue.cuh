// What happens to a product or convolution before it is stored: activation(scale * (product + bias)
// + residual), or the gated form of it; where operands have eight bits, the product is first
// multiplied by their scales, and a result of eight bits is divided by its own.
#pragma once

#include "backend/cuda/gemm_shape.h"
#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {

template <class T>
struct EpilogueParams {
  const float* bias = nullptr;    // [groups * columns], or
  const T* table = nullptr;       // [S, groups * columns], its row said by
  const int32_t* step = nullptr;  // [1]; without it, the first
  const T* residual = nullptr;    // [rows, width]
  const float* scale = nullptr;   // [1]
  /// Of operands in eight bits: [K], of K equal shares of the result's rows; and behind each row of
  /// the packed weight, so far apart, its own.
  const float* input_scales = nullptr;
  Divisor rows_of_input_scale;
  const unsigned char* weight_scales = nullptr;
  int64_t weight_pitch = 0;  // bytes
  EightBits to;              // whose shares are whole groups, of whole eights
  T* out = nullptr;          // [rows, width], of T, or of eight bits where `to` says so
  int columns = 0;           // of the product, in each group
  int width = 0;             // of the result: columns, or half of them if gated
  int groups = 1;
  bool gated = false;
  int upsampled_width =
      0;           // the picture's width, where each of its pixels gives four; see `place_of`
  int normed = 0;  // channels of x, where its rows are divided by their deviation
  float epsilon = 0;
  ActivationKind activation = ActivationKind::none;
};

/// Where row `row` of the product lies in the result. For an upsampled picture, of which each group
/// of weights computes every second pixel of every second row, `group` says which.
template <class T>
__device__ inline int64_t place_of(const EpilogueParams<T>& epilogue, int64_t row, int group) {
  if (epilogue.upsampled_width == 0) return row;
  const int64_t y = row / epilogue.upsampled_width, x = row - y * epilogue.upsampled_width;
  return (2 * y + group / 2) * 2 * epilogue.upsampled_width + 2 * x + group % 2;
}

/// 1 / sqrt(variance + epsilon) from a row's sum and its squares' sum. Multiplied and subtracted in
/// one instruction by name, as the compiler would here and there, and kernels would differ.
template <class T>
__device__ inline float inverse_deviation(const EpilogueParams<T>& epilogue, float sum,
                                          float squares) {
  const float mean = sum / static_cast<float>(epilogue.normed);
  const float variance = fmaf(-mean, mean, squares / static_cast<float>(epilogue.normed));
  return rsqrtf(fmaxf(variance, 0.0f) + epilogue.epsilon);
}

/// Bias for eight columns, zeros without one.
template <class T>
__device__ inline void load_bias(const EpilogueParams<T>& epilogue, int group, int column,
                                 float (&bias)[8]) {
  const int64_t at = int64_t{epilogue.upsampled_width ? 0 : group} * epilogue.columns + column;
#pragma unroll
  for (int i = 0; i < 8; ++i) bias[i] = 0;
  if (epilogue.table) {
    const T* row =
        epilogue.table +
        int64_t{epilogue.step ? *epilogue.step : 0} * epilogue.groups * epilogue.columns + at;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (column + i < epilogue.columns) bias[i] = to_float(row[i]);
  } else if (epilogue.bias) {
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (column + i < epilogue.columns) bias[i] = epilogue.bias[at + i];
  }
}

/// The bias of one packed column; see `unpacked_row`.
template <class T>
__device__ inline float bias_of(const EpilogueParams<T>& epilogue, int group, int packed) {
  if (packed >= epilogue.columns) return 0;
  const int64_t at = int64_t{epilogue.upsampled_width ? 0 : group} * epilogue.columns +
                     unpacked_row(packed, epilogue.columns, epilogue.gated);
  if (epilogue.table)
    return to_float(epilogue.table[int64_t{epilogue.step ? *epilogue.step : 0} * epilogue.groups *
                                       epilogue.columns +
                                   at]);
  return epilogue.bias ? epilogue.bias[at] : 0;
}

/// By what sums are multiplied: of a row of the result, and of one packed column.
template <class T>
__device__ inline float input_scale_of(const EpilogueParams<T>& epilogue, int row) {
  return epilogue.input_scales[epilogue.rows_of_input_scale.divide(row)];
}
template <class T>
__device__ inline float weight_scale_of(const EpilogueParams<T>& epilogue, int group, int packed) {
  if (packed >= epilogue.columns) return 0;
  const int64_t row = int64_t{group} * epilogue.columns + packed;
  return *reinterpret_cast<const float*>(epilogue.weight_scales + row * epilogue.weight_pitch);
}

/// Stores eight neighbours of row `row` from `column` of the result on; `gates` only if gated.
/// `width` need not be a multiple of 8, but is where it can be, when 16 bytes are stored at once.
template <class T>
__device__ inline void store_epilogue(const EpilogueParams<T>& epilogue, int group, int64_t row,
                                      int column, float (&values)[8], const float (&gates)[8]) {
  float bias[8];
  load_bias(epilogue, group, column, bias);
#pragma unroll
  for (int i = 0; i < 8; ++i) values[i] += bias[i];
  if (epilogue.gated) {
    load_bias(epilogue, group, epilogue.width + column, bias);
#pragma unroll
    for (int i = 0; i < 8; ++i) values[i] *= gelu(gates[i] + bias[i]);
  }
  if (epilogue.scale) {
    const float scale = *epilogue.scale;
#pragma unroll
    for (int i = 0; i < 8; ++i) values[i] *= scale;
  }
  const int64_t place = place_of(epilogue, row, group), at = place * epilogue.width + column;
  if (epilogue.width % 8 == 0) {
    constexpr int size = Vector<T>::size;
    if (epilogue.residual)
#pragma unroll
      for (int first = 0; first < 8; first += size) {
        const Vector<T> residual = load_vector(epilogue.residual + at + first);
#pragma unroll
        for (int i = 0; i < size; ++i) values[first + i] += to_float(residual.values[i]);
      }
#pragma unroll
    for (float& x : values) x = activate(epilogue.activation, x);
    store_values(epilogue.to, epilogue.out, at, values,
                 epilogue.to.factor(static_cast<int>(place)));
  } else {
    for (int i = 0; i < 8 && column + i < epilogue.width; ++i) {
      if (epilogue.residual) values[i] += to_float(epilogue.residual[at + i]);
      epilogue.out[at + i] = from_float<T>(activate(epilogue.activation, values[i]));
    }
  }
}

/// Stores a tile [rows, columns] whose sums `sum(row, column)` gives, eight neighbours at a time.
/// The tile's first row is `first_row` of the result, its first packed column `first_column`.
template <class T, class Sum>
__device__ inline void store_tile(const EpilogueParams<T>& epilogue, int group, int64_t first_row,
                                  int rows, int begin_row, int end_row, int first_column,
                                  int tile_columns, int thread, int threads, const Sum& sum) {
  const int step = epilogue.gated ? 16 : 8, vectors = tile_columns / step;
  for (int i = thread; i < (end_row - begin_row) * vectors; i += threads) {
    const int row = begin_row + i / vectors, at = i % vectors * step;
    const int column = epilogue.gated ? (first_column + at) / 2 : first_column + at;
    if (row >= rows || column >= epilogue.width) continue;
    float values[8], gates[8];
    sum(row, at, values);
    if (epilogue.gated) sum(row, at + 8, gates);
    store_epilogue(epilogue, group, first_row + row, column, values, gates);
  }
}

}  // namespace drypoint::cuda

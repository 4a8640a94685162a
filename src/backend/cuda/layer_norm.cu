#include "ops/layer_norm.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {
namespace {

constexpr int rows_per_block = 4;  // a warp each

/// x [rows, width]; each lane keeps up to `vectors` of a row, so that it is read once.
template <class T, int vectors>
__global__ void layer_norm(const T* x, const float* gamma, const float* beta, T* y, int rows,
                           int width, int rows_of_group, float epsilon, EightBits to) {
  constexpr int size = Vector<T>::size;
  const int row = blockIdx.x * rows_per_block + threadIdx.x / 32, lane = threadIdx.x % 32;
  wait_for_previous();
  let_next_begin();
  if (row >= rows) return;
  const int64_t at = int64_t{row} * width;
  Vector<T> held[vectors];
  float sum = 0;
#pragma unroll
  for (int v = 0; v < vectors; ++v) {
    const int column = (v * 32 + lane) * size;
    if (column >= width) continue;
    held[v] = load_vector(x + at + column);
#pragma unroll
    for (int i = 0; i < size; ++i) sum += to_float(held[v].values[i]);
  }
  const float mean = warp_sum(sum) / static_cast<float>(width);
  float squares = 0;
#pragma unroll
  for (int v = 0; v < vectors; ++v) {
    if ((v * 32 + lane) * size >= width) continue;
#pragma unroll
    for (int i = 0; i < size; ++i) {
      const float deviation = to_float(held[v].values[i]) - mean;
      squares += deviation * deviation;
    }
  }
  const float scale = rsqrtf(warp_sum(squares) / static_cast<float>(width) + epsilon);
  const int group = row / rows_of_group * width;
  const float factor = to.factor(row);
#pragma unroll
  for (int v = 0; v < vectors; ++v) {
    const int column = (v * 32 + lane) * size;
    if (column >= width) continue;
    float out[size];
#pragma unroll
    for (int i = 0; i < size; ++i)
      out[i] = (to_float(held[v].values[i]) - mean) * scale * gamma[group + column + i] +
               beta[group + column + i];
    store_values(to, y, at + column, out, factor);
  }
}

/// The same for any width, reading rows three times.
template <class T>
__global__ void layer_norm_any(const T* x, const float* gamma, const float* beta, T* y, int rows,
                               int width, int rows_of_group, float epsilon, EightBits to) {
  const int row = blockIdx.x * rows_per_block + threadIdx.x / 32, lane = threadIdx.x % 32;
  wait_for_previous();
  let_next_begin();
  if (row >= rows) return;
  const int64_t at = int64_t{row} * width;
  float sum = 0, squares = 0;
  for (int c = lane; c < width; c += 32) sum += to_float(x[at + c]);
  const float mean = warp_sum(sum) / static_cast<float>(width);
  for (int c = lane; c < width; c += 32) {
    const float deviation = to_float(x[at + c]) - mean;
    squares += deviation * deviation;
  }
  const float scale = rsqrtf(warp_sum(squares) / static_cast<float>(width) + epsilon);
  const int group = row / rows_of_group * width;
  const float factor = to.factor(row);
  for (int c = lane; c < width; c += 32)
    store_one(to, y, at + c,
              (to_float(x[at + c]) - mean) * scale * gamma[group + c] + beta[group + c], factor);
}

template <class T>
auto kernel_for(int width) {
  const int64_t vectors = ceil_div(width, 32 * Vector<T>::size);
  if (width % Vector<T>::size != 0 || vectors > 8) return layer_norm_any<T>;
  if (vectors <= 1) return layer_norm<T, 1>;
  if (vectors <= 2) return layer_norm<T, 2>;
  if (vectors <= 3) return layer_norm<T, 3>;
  if (vectors <= 5) return layer_norm<T, 5>;
  return layer_norm<T, 8>;
}

}  // namespace

KernelPtr make(const LayerNorm& op, const KernelRequest& request, const Context& context) {
  const auto width = static_cast<int>(request.output.shape.back());
  const auto rows = static_cast<int>(request.output.elements() / std::max(width, 1));
  const int rows_of_group = std::max<int>(rows / static_cast<int>(op.weight_groups), 1);
  EightBits to;
  if (op.quantize != DType::f32) to = eight_bits_of(op.quantize, request.inputs[3], rows);
  return make_kernel([=, &context, dtype = request.inputs[0].dtype](const Launch& l) {
    EightBits with_scales = to;
    if (op.quantize != DType::f32) with_scales.scales = l.f32(3);
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, kernel_for<T>(width), static_cast<unsigned>(ceil_div(rows, rows_per_block)),
             32 * rows_per_block, 0, 1, static_cast<const T*>(l.inputs[0]), l.f32(1), l.f32(2),
             static_cast<T*>(l.output), rows, width, rows_of_group, op.epsilon, with_scales);
    });
  });
}

}  // namespace drypoint::cuda

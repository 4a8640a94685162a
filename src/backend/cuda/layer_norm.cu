#include "ops/layer_norm.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {
namespace {

constexpr int norm_threads = 128, rows_per_block = 4;  // a warp each, where any width will do

/// Over the lanes that share a row.
template <int lanes>
__device__ inline float sum_of_lanes(float x) {
#pragma unroll
  for (int offset = lanes / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(~0u, x, offset);
  return x;
}

/// x [rows, width]; `lanes` threads share a row, of which each keeps up to `vectors`, so that it is
/// read once. They take `count` rows one after the other: gamma and beta are four times as many
/// bytes as a row in half precision, and stay in registers.
template <class T, int vectors, int lanes>
__global__ void __launch_bounds__(norm_threads)
    layer_norm(const T* x, const float* gamma, const float* beta, T* y, int rows, int width,
               int rows_of_group, int count, float epsilon, EightBits to) {
  constexpr int size = Vector<T>::size;
  const int lane = threadIdx.x % lanes;
  const int first = (blockIdx.x * norm_threads + threadIdx.x) / lanes * count;
  const auto column_of = [&](int v) { return (v * lanes + lane) * size; };
  // Constants need not wait for the kernel before.
  const int group = min(first, rows - 1) / rows_of_group * width;
  float gain[vectors][size], shift[vectors][size];
#pragma unroll
  for (int v = 0; v < vectors; ++v)
    if (column_of(v) < width)
#pragma unroll
      for (int i = 0; i < size; i += 4) {
        const auto four = [&](const float* from, float* to) {
          const float4 f = *reinterpret_cast<const float4*>(from + group + column_of(v) + i);
          to[i] = f.x, to[i + 1] = f.y, to[i + 2] = f.z, to[i + 3] = f.w;
        };
        four(gamma, gain[v]);
        four(beta, shift[v]);
      }
  wait_for_previous();
  let_next_begin();
#pragma unroll 1
  for (int row = first; row < first + count; ++row) {
    const int64_t at = int64_t{row} * width;
    const auto there = [&](int v) { return row < rows && column_of(v) < width; };
    Vector<T> held[vectors];
    float sum = 0, squares = 0;
#pragma unroll
    for (int v = 0; v < vectors; ++v)
      if (there(v)) held[v] = load_vector(x + at + column_of(v));
#pragma unroll
    for (int v = 0; v < vectors; ++v)
      if (there(v))
#pragma unroll
        for (int i = 0; i < size; ++i) sum += to_float(held[v].values[i]);
    const float mean = sum_of_lanes<lanes>(sum) / static_cast<float>(width);
#pragma unroll
    for (int v = 0; v < vectors; ++v)
      if (there(v))
#pragma unroll
        for (int i = 0; i < size; ++i) {
          const float deviation = to_float(held[v].values[i]) - mean;
          squares += deviation * deviation;
        }
    const float scale = rsqrtf(sum_of_lanes<lanes>(squares) / static_cast<float>(width) + epsilon);
    const float factor = row < rows ? to.factor(row) : 1.0f;
#pragma unroll
    for (int v = 0; v < vectors; ++v) {
      if (!there(v)) continue;
      float out[size];
#pragma unroll
      for (int i = 0; i < size; ++i)
        out[i] = (to_float(held[v].values[i]) - mean) * scale * gain[v][i] + shift[v][i];
      store_values(to, y, at + column_of(v), out, factor);
    }
  }
}

/// The same for any width, reading rows three times.
template <class T>
__global__ void layer_norm_any(const T* x, const float* gamma, const float* beta, T* y, int rows,
                               int width, int rows_of_group, int /*count*/, float epsilon,
                               EightBits to) {
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

/// The kernel for a width, and how many threads share a row.
template <class T>
struct RowCover {
  decltype(&layer_norm_any<T>) kernel = layer_norm_any<T>;
  int lanes = 32;
};
template <class T>
RowCover<T> cover_of(int width) {
  const int64_t vectors = width / Vector<T>::size;
  if (width % Vector<T>::size != 0 || vectors > 8 * 32) return {};
  if constexpr (sizeof(T) == 2) {  // 320, 640
    if (vectors == 5 * 8) return {layer_norm<T, 5, 8>, 8};
    if (vectors == 5 * 16) return {layer_norm<T, 5, 16>, 16};
  }
  if (vectors <= 32) return {layer_norm<T, 1, 32>};
  if (vectors <= 2 * 32) return {layer_norm<T, 2, 32>};
  if (vectors <= 3 * 32) return {layer_norm<T, 3, 32>};
  if (vectors <= 5 * 32) return {layer_norm<T, 5, 32>};
  return {layer_norm<T, 8, 32>};
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
      const RowCover<T> cover = cover_of<T>(width);
      // As many rows a thread as leave enough threads for all loads that memory takes at a time.
      int64_t count = 1;
      while (cover.kernel != layer_norm_any<T> && count < 8 && rows_of_group % (2 * count) == 0 &&
             int64_t{rows} * cover.lanes / (2 * count) >= 384 * context.multiprocessors())
        count *= 2;
      launch(context, cover.kernel,
             static_cast<unsigned>(ceil_div(ceil_div(rows, count) * cover.lanes, norm_threads)),
             norm_threads, 0, 1, static_cast<const T*>(l.inputs[0]), l.f32(1), l.f32(2),
             static_cast<T*>(l.output), rows, width, rows_of_group, static_cast<int>(count),
             op.epsilon, with_scales);
    });
  });
}

}  // namespace drypoint::cuda

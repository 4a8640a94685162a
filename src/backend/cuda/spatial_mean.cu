#include "ops/spatial_mean.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

constexpr int mean_threads = 256, mean_columns = 32;  // of a block: rows of pixels times channels

/// A block for each sample and 32 channels: sums of a thread's pixels, then of the block's rows, in
/// order.
template <class T>
__global__ void spatial_mean(const T* x, T* out, int64_t channels, int64_t pixels) {
  __shared__ float sums[mean_threads];
  wait_for_previous();
  let_next_begin();
  const int column = threadIdx.x % mean_columns, row = threadIdx.x / mean_columns;
  constexpr int rows = mean_threads / mean_columns;
  const int64_t c = int64_t{blockIdx.x} * mean_columns + column;
  const int64_t first = blockIdx.y * pixels * channels + c;
  float sum = 0;
  for (int64_t p = row; c < channels && p < pixels; p += rows)
    sum += to_float(x[first + p * channels]);
  sums[threadIdx.x] = sum;
  __syncthreads();
  float total = 0;
  for (int r = 0; r < rows; ++r) total += sums[r * mean_columns + column];
  for (int64_t p = row; c < channels && p < pixels; p += rows)
    out[first + p * channels] = from_float<T>(total / static_cast<float>(pixels));
}

}  // namespace

KernelPtr make(const SpatialMean&, const KernelRequest& request, const Context& context) {
  const Shape& x = request.output.shape;
  const int64_t samples = x[0], channels = x[3], pixels = x[1] * x[2];
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, spatial_mean<T>,
             dim3(static_cast<unsigned>(ceil_div(channels, mean_columns)),
                  static_cast<unsigned>(samples)),
             mean_threads, 0, 1, static_cast<const T*>(l.inputs[0]), static_cast<T*>(l.output),
             channels, pixels);
    });
  });
}

}  // namespace drypoint::cuda

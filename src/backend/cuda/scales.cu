#include "ops/scales.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"
#include "tensor/eight_bits.h"

namespace drypoint::cuda {
namespace {

constexpr int threads_of_share = 256;

/// The largest magnitude of each share of x, over `largest`; without one, as it is. Grid: shares.
template <class T>
__global__ void scales_of_shares(const T* x, int64_t share, float* scales, float largest) {
  constexpr int size = Vector<T>::size;
  __shared__ float of_warp[threads_of_share / 32];
  wait_for_previous();
  let_next_begin();
  const T* from = x + blockIdx.x * share;
  float most = 0;
  const auto take = [&](T value) { most = fmaxf(most, fabsf(to_float(value))); };
  if (share % size == 0) {
    for (int64_t i = threadIdx.x; i < share / size; i += blockDim.x) {
      const Vector<T> v = load_vector(from + i * size);
#pragma unroll
      for (int e = 0; e < size; ++e) take(v.values[e]);
    }
  } else {
    for (int64_t i = threadIdx.x; i < share; i += blockDim.x) take(from[i]);
  }
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2)
    most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = most;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int warp = 1; warp < static_cast<int>(blockDim.x / 32); ++warp)
    most = fmaxf(most, of_warp[warp]);
  if (largest > 0) most = most > 0 ? most / largest : 1.0f;
  scales[blockIdx.x] = most;
}

}  // namespace

/// Where shares are few and large, first those of their pieces are found.
KernelPtr make(const Scales& op, const KernelRequest& request, const Context& context) {
  const int64_t share = request.inputs[0].elements() / op.count;
  int64_t pieces = 1;
  while (op.count * pieces < context.multiprocessors() && share % (pieces * 2 * 8) == 0 &&
         share / pieces > 4096)
    pieces *= 2;
  return make_kernel(
      [=, &context, dtype = request.inputs[0].dtype](const Launch& l) {
        const auto find = [&]<class T>(const T* x, int64_t count, int64_t of_each, float* scales,
                                       float over) {
          launch(context, scales_of_shares<T>, static_cast<unsigned>(count),
                 of_each <= 4096 ? 32 : threads_of_share, 0, 1, x, of_each, scales, over);
        };
        const float over = largest(op.to);
        auto* of_pieces = static_cast<float*>(l.workspace);
        with_type(dtype, [&](auto type) {
          const auto* x = static_cast<const decltype(type)*>(l.inputs[0]);
          if (pieces == 1) return find(x, op.count, share, l.out(), over);
          find(x, op.count * pieces, share / pieces, of_pieces, 0.0f);
          find(static_cast<const float*>(of_pieces), op.count, pieces, l.out(), over);
        });
      },
      pieces > 1 ? static_cast<size_t>(op.count * pieces) * sizeof(float) : 0);
}

}  // namespace drypoint::cuda

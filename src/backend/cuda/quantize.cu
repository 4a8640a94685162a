#include "ops/quantize.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"
#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {
namespace {

/// Of a share of x at a time, in whole vectors or `at_once` 1. Grid: blocks of a share, shares.
template <class T, int at_once>
__global__ void quantize(const T* x, T* y, int64_t share, EightBits to) {
  wait_for_previous();
  let_next_begin();
  const float factor = to.factor(static_cast<int>(blockIdx.y));
  const int64_t first = blockIdx.y * share, stride = int64_t{gridDim.x} * blockDim.x * at_once;
  for (int64_t i = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * at_once; i < share;
       i += stride) {
    if constexpr (at_once == 1) {
      store_one(to, y, first + i, to_float(x[first + i]), factor);
    } else {
      const Vector<T> v = load_vector(x + first + i);
      float values[at_once];
#pragma unroll
      for (int e = 0; e < at_once; ++e) values[e] = to_float(v.values[e]);
      store_values(to, y, first + i, values, factor);
    }
  }
}

}  // namespace

KernelPtr make(const Quantize& op, const KernelRequest& request, const Context& context) {
  const int64_t shares = request.inputs[1].shape[0], share = request.output.elements() / shares;
  return make_kernel([=, &context, dtype = request.inputs[0].dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      constexpr int size = Vector<T>::size;
      const bool vectors = share % size == 0;
      EightBits to = eight_bits_of(op.to, {DType::f32, {shares}}, shares);
      to.scales = l.f32(1);
      dim3 grid = blocks_for(context, share / (vectors ? size : 1));
      // Shares one after the other, as many as a grid has room for.
      constexpr int64_t most_shares = 65535;
      for (int64_t first = 0; first < shares; first += most_shares) {
        grid.y = static_cast<unsigned>(std::min(most_shares, shares - first));
        launch(context, vectors ? quantize<T, size> : quantize<T, 1>, grid, 256, 0, 1,
               static_cast<const T*>(l.inputs[0]) + first * share,
               reinterpret_cast<T*>(static_cast<uint8_t*>(l.output) + first * share), share, to);
        to.scales += most_shares;
      }
    });
  });
}

}  // namespace drypoint::cuda

#include "backend/cpu/conv2d.h"

#include "backend/cpu/gemm.h"

namespace drypoint::cpu {

std::vector<std::pair<std::string, Conv2dAlgorithm>> conv2d_algorithms() {
  return {{"direct", make_direct}, {"winograd", make_winograd}};
}

// Measured on one core of a Zen 5 (AVX-512, 256 GFLOP/s), ms for 3x3 convolutions of stride 1, with
// a library's direct convolution near the peak:
//   in -> out channels, output          direct   winograd
//   320 -> 320,    2 x 32x48              22.4        8.7
//   640 -> 320,    2 x 32x48              46.0       16.3
//   640 -> 640,    2 x 16x24              23.3        8.0
//   1280 -> 1280,  2 x 8x12 (12 tiles)    25.5        9.7
//   1280 -> 1280,  2 x 4x6  (4 tiles)      8.0        5.7
//   1280 -> 1280,  1 x 4x6  (2 tiles)      4.0        5.2
//   512 -> 512,    64x96                 129         40
//   128 -> 128,    256x384               114         57
//   96 -> 96,      64x96                   4.2        2.9
//   32 -> 32,      128x192                 2.0        1.7
//   16 -> 16,      256x384                 2.3        3.6
//   3 -> 128,      256x384                 4.0       15.2
//   128 -> 3,      256x384                17.5       20.9
// With few tiles the transformation of the filters costs as much as it saves; with few channels
// that of the pictures does. One tile a sample is too few; two pay where guidance doubles them.
KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  // Winograd's sums of inputs and of filters would be rounded too, and bf16 has no bits to spare:
  // it is of f32, and in the place of bf16 where that has no tiles, as it is faster.
  const DType factors = factors_of(request, context);
  const bool is_faster = factors == DType::f32 || (factors == DType::bf16 && !context.multiplier &&
                                                   tile_multipliers(factors).empty());
  const bool fits = is_faster && w[2] == 3 && w[3] == 3 && op.stride == 1 && request.constant[1];
  const int64_t tiles = ((y[1] + 3) / 4) * ((y[2] + 3) / 4);  // of one sample, see kernels.h
  if (fits && vector_size() >= 8 && x[3] >= 32 && w[0] >= 32 && tiles >= 2)
    return make_winograd(op, request, context);
  return make_direct(op, request, context);
}

}  // namespace drypoint::cpu

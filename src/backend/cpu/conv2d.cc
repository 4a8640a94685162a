#include "backend/cpu/conv2d.h"

#include "backend/cpu/onednn.h"
#include "base/error.h"

namespace drypoint::cpu {

using Tag = dnnl::memory::format_tag;

namespace {

KernelPtr make_onednn(const Conv2d& op, const KernelRequest& request, const Context& context,
                      dnnl::algorithm algorithm) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const auto f32 = dnnl::memory::data_type::f32;
  const dnnl::memory::desc bias =
      op.bias ? dnnl::memory::desc({w[0]}, f32, Tag::x) : dnnl::memory::desc();
  return plan_onednn(request, context, [&]() -> KernelPtr {
    const dnnl::convolution_forward::desc description(
        dnnl::prop_kind::forward_inference, algorithm, {{x[0], x[3], x[1], x[2]}, f32, Tag::nhwc},
        {w, f32, request.constant[1] ? Tag::any : Tag::oihw}, bias,
        {{y[0], y[3], y[1], y[2]}, f32, Tag::nhwc}, {op.stride, op.stride}, {op.top, op.left},
        {op.bottom, op.right});
    const dnnl::convolution_forward::primitive_desc plan(
        description, attributes(op.residual, op.activation), context.onednn->engine());
    const dnnl::memory::desc plain(w, f32, Tag::oihw);
    return std::make_unique<OneDnnLayer>(
        context,
        OneDnnLayer::Description{dnnl::convolution_forward(plan), plan.src_desc(),
                                 plan.weights_desc(), bias, plan.dst_desc(), plan.scratchpad_desc(),
                                 plain, plan.weights_desc() != plain, op.bias, residual_index(op)});
  });
}

}  // namespace

KernelPtr make_direct(const Conv2d& op, const KernelRequest& request, const Context& context) {
  return make_onednn(op, request, context, dnnl::algorithm::convolution_direct);
}

std::vector<std::pair<std::string, Conv2dAlgorithm>> conv2d_algorithms() {
  return {{"direct", make_direct}, {"winograd", make_winograd}};
}

// Measured on one core of a Zen 5 (AVX-512, 256 GFLOP/s), ms for 3x3 convolutions of stride 1:
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
// that of the pictures does. (oneDNN's own Winograd takes 6.6 ms for each of the first, third and
// fourth, but four times the memory for filters, and it does not know channels-last pictures.)
KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const bool fits = w[2] == 3 && w[3] == 3 && op.stride == 1 && request.constant[1];
  const int64_t tiles = y[0] * ((y[1] + 3) / 4) * ((y[2] + 3) / 4);
  if (fits && has_wide_vectors() && x[3] >= 32 && w[0] >= 32 && tiles >= 4)
    return make_winograd(op, request, context);
  return make_direct(op, request, context);
}

}  // namespace drypoint::cpu

#include "ops/conv2d.h"

#include "backend/cpu/onednn.h"
#include "base/error.h"

namespace drypoint::cpu {

using Tag = dnnl::memory::format_tag;

KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const auto f32 = dnnl::memory::data_type::f32;
  const dnnl::memory::desc bias =
      op.bias ? dnnl::memory::desc({w[0]}, f32, Tag::x) : dnnl::memory::desc();
  return plan_onednn(request, context, [&]() -> KernelPtr {
    const dnnl::convolution_forward::desc description(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        {{x[0], x[3], x[1], x[2]}, f32, Tag::nhwc},
        {w, f32, request.constant[1] ? Tag::any : Tag::oihw}, bias,
        {{y[0], y[3], y[1], y[2]}, f32, Tag::nhwc}, {op.stride, op.stride}, {op.top, op.left},
        {op.bottom, op.right});
    const dnnl::convolution_forward::primitive_desc plan(
        description, attributes(op.residual, op.activation), context.onednn->engine());
    const dnnl::memory::desc plain(w, f32, Tag::oihw);
    return std::make_unique<OneDnnLayer>(
        context, OneDnnLayer::Description{
                     dnnl::convolution_forward(plan), plan.src_desc(), plan.weights_desc(), bias,
                     plan.dst_desc(), plan.scratchpad_desc(), plain, plan.weights_desc() != plain,
                     op.bias, op.residual ? op.residual_index() : -1});
  });
}

}  // namespace drypoint::cpu

#include "ops/linear.h"

#include "backend/cpu/onednn.h"
#include "base/error.h"

namespace drypoint::cpu {

using Tag = dnnl::memory::format_tag;

KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context) {
  const Shape& w = request.inputs[1].shape;
  const int64_t rows = request.inputs[0].elements() / w[1];
  const auto f32 = dnnl::memory::data_type::f32;
  const dnnl::memory::desc bias =
      op.bias ? dnnl::memory::desc({w[0]}, f32, Tag::x) : dnnl::memory::desc();
  return plan_onednn(request, context, [&]() -> KernelPtr {
    const dnnl::inner_product_forward::desc description(
        dnnl::prop_kind::forward_inference, {{rows, w[1]}, f32, Tag::ab},
        {w, f32, request.constant[1] ? Tag::any : Tag::ab}, bias, {{rows, w[0]}, f32, Tag::ab});
    const dnnl::inner_product_forward::primitive_desc plan(
        description, attributes(op.residual, op.activation), context.onednn->engine());
    const dnnl::memory::desc plain(w, f32, Tag::ab);
    return std::make_unique<OneDnnLayer>(
        context,
        OneDnnLayer::Description{dnnl::inner_product_forward(plan), plan.src_desc(),
                                 plan.weights_desc(), bias, plan.dst_desc(), plan.scratchpad_desc(),
                                 plain, plan.weights_desc() != plain, op.bias, residual_index(op)});
  });
}

}  // namespace drypoint::cpu

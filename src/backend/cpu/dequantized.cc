#include "backend/cpu/kernels.h"
#include "backend/in_floats.h"
#include "base/error.h"

namespace drypoint::cpu {
namespace {

class DequantizedKernel : public Kernel {
 public:
  DequantizedKernel(InFloats plain, const KernelRequest& request, KernelPtr inner, Context context)
      : plain_(std::move(plain)),
        x_(request.inputs[0]),
        shares_(request.inputs[plain_.input_scales].shape[0]),
        inner_(std::move(inner)),
        context_(std::move(context)) {}

  std::optional<Packing> packing(size_t input) const override {
    if (input != 1) return std::nullopt;
    auto packing = inner_->packing(1);
    if (!packing) return std::nullopt;
    packing->format = std::string(name(x_.dtype)) + " " + packing->format;
    packing->pack = [pack = packing->pack, dtype = x_.dtype](const WeightRows& weight,
                                                             std::byte* to) {
      pack(as_rounded(weight.whole(), dtype), to);
    };
    return packing;
  }
  size_t workspace() const override { return floats() + inner_->workspace(); }
  std::string description() const override { return inner_->description(); }

  void run(const Launch& launch) const override {
    auto* x = static_cast<float*>(launch.workspace);
    const int64_t count = x_.elements();
    parallel_ranges(context_, count, elements_per_task, [&](int64_t begin, int64_t end) {
      dequantize(static_cast<const uint8_t*>(launch.inputs[0]), x_.dtype,
                 launch.f32(plain_.input_scales), shares_, count, begin, end, x);
    });
    std::vector<const void*> inputs;
    for (const int i : plain_.inputs) inputs.push_back(launch.inputs[i]);
    inputs[0] = x;
    inner_->run({inputs, launch.output, static_cast<std::byte*>(launch.workspace) + floats()});
  }

 private:
  size_t floats() const { return static_cast<size_t>(round_up(x_.elements(), 16)) * sizeof(float); }

  InFloats plain_;
  TensorType x_;
  int64_t shares_;
  KernelPtr inner_;
  Context context_;
};

}  // namespace

KernelPtr make_dequantized(const KernelRequest& request, const Context& context) {
  InFloats plain = in_floats(request.op, request.inputs.size());
  const KernelRequest inner = request_in_floats(plain, request);
  if (!inner.constant[1])
    fail(ErrorKind::unsupported, "{}: {} with a weight that is not constant on device cpu",
         request.module, to_string(request.op));
  auto kernel = std::visit([&](const auto& op) { return make(op, inner, context); }, inner.op);
  return std::make_unique<DequantizedKernel>(std::move(plain), request, std::move(kernel), context);
}

}  // namespace drypoint::cpu

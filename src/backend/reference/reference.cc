#include "backend/in_floats.h"
#include "backend/reference/kernels.h"
#include "base/error.h"
#include "hash/packing_hash.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

class ReferenceKernel : public Kernel {
 public:
  explicit ReferenceKernel(const KernelRequest& request)
      : op_(request.op),
        request_{op_, request.inputs, request.output, request.constant, request.module},
        plain_(in_floats(op_, request.inputs.size())) {}

  void run(const Launch& launch) const override {
    if (plain_.is_same()) return run(op_, request_, launch);
    const KernelRequest request = request_in_floats(plain_, request_);
    std::vector<const void*> inputs;
    for (const int i : plain_.inputs) inputs.push_back(launch.inputs[i]);
    std::vector<float> x;
    Tensor weight;
    if (plain_.input_scales >= 0) {
      const TensorType& type = request_.inputs[0];
      x.resize(type.elements());
      dequantize(static_cast<const uint8_t*>(inputs[0]), type.dtype,
                 launch.f32(plain_.input_scales), request_.inputs[plain_.input_scales].shape[0],
                 type.elements(), 0, type.elements(), x.data());
      weight = as_rounded({request_.inputs[1], static_cast<const std::byte*>(inputs[1]), nullptr},
                          type.dtype);
      inputs[0] = x.data();
      inputs[1] = weight.bytes().data();
    }
    if (plain_.output_scales < 0) return run(plain_.op, request, {inputs, launch.output, nullptr});
    const int64_t count = request_.output.elements();
    std::vector<float> result(count);
    run(plain_.op, request, {inputs, result.data(), nullptr});
    quantize(result.data(), plain_.quantize, launch.f32(plain_.output_scales),
             request_.inputs[plain_.output_scales].shape[0], count, 0, count,
             static_cast<uint8_t*>(launch.output));
  }

 private:
  static void run(const Op& op, const KernelRequest& request, const Launch& launch) {
    std::visit([&](const auto& o) { reference::run(o, request, launch); }, op);
  }

  Op op_;
  KernelRequest request_;
  InFloats plain_;
};

class ReferenceBackend : public Backend {
 public:
  std::string name() const override { return "reference"; }
  int threads() const override { return usable_cores(); }
  PlanDevice identity() const override {
    return {"reference", "any", "reference", "fp32", packing_hash};
  }

  Target target() const override { return reference_target(); }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    if (request.output.dtype != result_in_floats(request.op) &&
        !is_eight_bits(request.output.dtype))
      fail(ErrorKind::unsupported, "{}: {} in {} on device reference", request.module,
           drypoint::name(request.op), drypoint::name(request.output.dtype));
    return std::make_unique<ReferenceKernel>(request);
  }
};

}  // namespace

Target reference_target() {
  return {.eight_bits = {DType::f8, DType::i8}, .fused = {.dequantize = true, .quantize = true}};
}

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace drypoint

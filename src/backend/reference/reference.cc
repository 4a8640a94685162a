#include "backend/reference/kernels.h"
#include "base/error.h"
#include "hash/packing_hash.h"

namespace drypoint {
namespace {

class ReferenceKernel : public Kernel {
 public:
  explicit ReferenceKernel(const KernelRequest& request)
      : op_(request.op),
        request_{op_, request.inputs, request.output, request.constant, request.module} {}

  void run(const Launch& launch) const override {
    std::visit([&](const auto& op) { reference::run(op, request_, launch); }, op_);
  }

 private:
  Op op_;
  KernelRequest request_;
};

class ReferenceBackend : public Backend {
 public:
  std::string name() const override { return "reference"; }
  int threads() const override { return usable_cores(); }
  PlanDevice identity() const override {
    return {"reference", "any", "reference", "fp32", packing_hash};
  }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    const bool number = std::holds_alternative<Increment>(request.op);
    if (request.output.dtype != (number ? DType::i32 : DType::f32))
      fail(ErrorKind::unsupported, "{}: {} in {} on device reference", request.module,
           drypoint::name(request.op), drypoint::name(request.output.dtype));
    return std::make_unique<ReferenceKernel>(request);
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace drypoint

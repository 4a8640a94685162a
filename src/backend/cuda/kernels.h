// The CUDA backend's kernels, one file per operation, as on the CPU. Values are f16, bf16 or f32
// (ids i32), weights without packing f32; feature maps are channels last.
#pragma once

#include <functional>

#include "backend/cuda/context.h"
#include "ops/product.h"

namespace drypoint::cuda {

using KernelPtr = std::unique_ptr<Kernel>;

KernelPtr make(const Activation& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Add& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AddScaled& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Attention& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AveragePool& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Cast& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Concat& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context);
KernelPtr make(const DdimUpdate& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Embedding& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Expand& op, const KernelRequest& request, const Context& context);
/// Of weights alone: refused.
KernelPtr make(const FoldNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const GatedGelu& op, const KernelRequest& request, const Context& context);
KernelPtr make(const GroupNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Increment& op, const KernelRequest& request, const Context& context);
KernelPtr make(const LayerNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context);
KernelPtr make(const MaxPool& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Permute& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Reshape& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Select& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Slice& op, const KernelRequest& request, const Context& context);
KernelPtr make(const TimestepEmbedding& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Upsample& op, const KernelRequest& request, const Context& context);

/// A kernel that is one function, with nothing packed.
class FunctionKernel : public Kernel {
 public:
  using Function = std::function<void(const Launch&)>;
  explicit FunctionKernel(Function function, size_t workspace = 0)
      : function_(std::move(function)), workspace_(workspace) {}
  size_t workspace() const override { return workspace_; }
  void run(const Launch& launch) const override { function_(launch); }

 private:
  Function function_;
  size_t workspace_;
};

inline KernelPtr make_kernel(FunctionKernel::Function function, size_t workspace = 0) {
  return std::make_unique<FunctionKernel>(std::move(function), workspace);
}

}  // namespace drypoint::cuda

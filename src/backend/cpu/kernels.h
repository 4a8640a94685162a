// The CPU backend's kernels, one file per operation. All tensors are float32, ids int32;
// feature maps are channels last.
#pragma once

#include "backend/backend.h"

namespace drypoint::cpu {

/// What kernels share: how many threads they use.
struct Context {
  int threads = 1;
};

using KernelPtr = std::unique_ptr<Kernel>;

KernelPtr make(const Activation& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Add& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AddScaled& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Attention& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Concat& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Embedding& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Expand& op, const KernelRequest& request, const Context& context);
KernelPtr make(const GatedGelu& op, const KernelRequest& request, const Context& context);
KernelPtr make(const GroupNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const LayerNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Permute& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Reshape& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Select& op, const KernelRequest& request, const Context& context);
KernelPtr make(const TimestepEmbedding& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Upsample& op, const KernelRequest& request, const Context& context);

}  // namespace drypoint::cpu

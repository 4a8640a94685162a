// The CUDA backend's kernels, one file per operation, as on the CPU. Values are f16, bf16 or f32
// (ids i32), weights without packing f32; feature maps are channels last.
#pragma once

#include <functional>

#include "backend/cuda/context.h"
#include "backend/function_kernel.h"
#include "ops/product.h"

namespace drypoint::cuda {

KernelPtr make(const Activation& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Add& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AddScaled& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Attention& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AveragePool& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Blend& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Cast& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Concat& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Constant& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context);
KernelPtr make(const DepthwiseConv2d& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Embedding& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Expand& op, const KernelRequest& request, const Context& context);
/// Of weights alone: refused.
KernelPtr make(const FoldNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const FromPixels& op, const KernelRequest& request, const Context& context);
KernelPtr make(const GatedGelu& op, const KernelRequest& request, const Context& context);
KernelPtr make(const GroupNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Increment& op, const KernelRequest& request, const Context& context);
KernelPtr make(const LayerNorm& op, const KernelRequest& request, const Context& context);
KernelPtr make(const LeakyRelu& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context);
KernelPtr make(const MaxPool& op, const KernelRequest& request, const Context& context);
KernelPtr make(const MultiplyPlane& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Permute& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Quantize& op, const KernelRequest& request, const Context& context);
KernelPtr make(const RescaleGuidance& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Reshape& op, const KernelRequest& request, const Context& context);
KernelPtr make(const SamplerUpdate& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Scales& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Select& op, const KernelRequest& request, const Context& context);
KernelPtr make(const SigmoidGate& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Slice& op, const KernelRequest& request, const Context& context);
KernelPtr make(const SoftBlend& op, const KernelRequest& request, const Context& context);
KernelPtr make(const SpatialMean& op, const KernelRequest& request, const Context& context);
KernelPtr make(const SurfaceNormals& op, const KernelRequest& request, const Context& context);
KernelPtr make(const TimestepEmbedding& op, const KernelRequest& request, const Context& context);
KernelPtr make(const ToPixels& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Upsample& op, const KernelRequest& request, const Context& context);

}  // namespace drypoint::cuda

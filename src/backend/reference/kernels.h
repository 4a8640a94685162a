// The reference backend's kernels, one file per operation. All tensors are float32, ids int32;
// what is of eight bits becomes float32 first (reference.cc).
#pragma once

#include "backend/backend.h"
#include "base/threads.h"

namespace drypoint::reference {

void run(const Activation& op, const KernelRequest& request, const Launch& launch);
void run(const Add& op, const KernelRequest& request, const Launch& launch);
void run(const AddScaled& op, const KernelRequest& request, const Launch& launch);
void run(const Attention& op, const KernelRequest& request, const Launch& launch);
void run(const AveragePool& op, const KernelRequest& request, const Launch& launch);
void run(const Blend& op, const KernelRequest& request, const Launch& launch);
void run(const Cast& op, const KernelRequest& request, const Launch& launch);
void run(const Concat& op, const KernelRequest& request, const Launch& launch);
void run(const Constant& op, const KernelRequest& request, const Launch& launch);
void run(const Conv2d& op, const KernelRequest& request, const Launch& launch);
void run(const Embedding& op, const KernelRequest& request, const Launch& launch);
void run(const Expand& op, const KernelRequest& request, const Launch& launch);
void run(const FoldNorm& op, const KernelRequest& request, const Launch& launch);
void run(const GatedGelu& op, const KernelRequest& request, const Launch& launch);
void run(const GroupNorm& op, const KernelRequest& request, const Launch& launch);
void run(const Increment& op, const KernelRequest& request, const Launch& launch);
void run(const LayerNorm& op, const KernelRequest& request, const Launch& launch);
void run(const LeakyRelu& op, const KernelRequest& request, const Launch& launch);
void run(const Linear& op, const KernelRequest& request, const Launch& launch);
void run(const MaxPool& op, const KernelRequest& request, const Launch& launch);
void run(const MultiplyPlane& op, const KernelRequest& request, const Launch& launch);
void run(const Permute& op, const KernelRequest& request, const Launch& launch);
void run(const Quantize& op, const KernelRequest& request, const Launch& launch);
void run(const RescaleGuidance& op, const KernelRequest& request, const Launch& launch);
void run(const Reshape& op, const KernelRequest& request, const Launch& launch);
void run(const SamplerUpdate& op, const KernelRequest& request, const Launch& launch);
void run(const Scales& op, const KernelRequest& request, const Launch& launch);
void run(const Select& op, const KernelRequest& request, const Launch& launch);
void run(const Slice& op, const KernelRequest& request, const Launch& launch);
void run(const SpatialMean& op, const KernelRequest& request, const Launch& launch);
void run(const TimestepEmbedding& op, const KernelRequest& request, const Launch& launch);
void run(const Upsample& op, const KernelRequest& request, const Launch& launch);

/// Runs body(i) for i in [0, count) on all cores.
template <class Body>
void parallel(int64_t count, const Body& body) {
  parallel_for(static_cast<size_t>(count), usable_cores(),
               [&](size_t i) { body(static_cast<int64_t>(i)); });
}

}  // namespace drypoint::reference

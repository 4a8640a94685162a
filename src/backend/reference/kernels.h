// The reference backend's kernels, one file per operation. All tensors are float32, ids int32.
#pragma once

#include "backend/backend.h"

namespace drypoint::reference {

void run(const Activation& op, const KernelRequest& request, const Launch& launch);
void run(const Add& op, const KernelRequest& request, const Launch& launch);
void run(const AddScaled& op, const KernelRequest& request, const Launch& launch);
void run(const Attention& op, const KernelRequest& request, const Launch& launch);
void run(const AveragePool& op, const KernelRequest& request, const Launch& launch);
void run(const Cast& op, const KernelRequest& request, const Launch& launch);
void run(const Concat& op, const KernelRequest& request, const Launch& launch);
void run(const Conv2d& op, const KernelRequest& request, const Launch& launch);
void run(const DdimUpdate& op, const KernelRequest& request, const Launch& launch);
void run(const Embedding& op, const KernelRequest& request, const Launch& launch);
void run(const Expand& op, const KernelRequest& request, const Launch& launch);
void run(const FoldNorm& op, const KernelRequest& request, const Launch& launch);
void run(const GatedGelu& op, const KernelRequest& request, const Launch& launch);
void run(const GroupNorm& op, const KernelRequest& request, const Launch& launch);
void run(const Increment& op, const KernelRequest& request, const Launch& launch);
void run(const LayerNorm& op, const KernelRequest& request, const Launch& launch);
void run(const Linear& op, const KernelRequest& request, const Launch& launch);
void run(const MaxPool& op, const KernelRequest& request, const Launch& launch);
void run(const Permute& op, const KernelRequest& request, const Launch& launch);
void run(const Reshape& op, const KernelRequest& request, const Launch& launch);
void run(const Select& op, const KernelRequest& request, const Launch& launch);
void run(const Slice& op, const KernelRequest& request, const Launch& launch);
void run(const TimestepEmbedding& op, const KernelRequest& request, const Launch& launch);
void run(const Upsample& op, const KernelRequest& request, const Launch& launch);

/// The activation of one value, in double precision.
double activate(ActivationKind kind, double x);

}  // namespace drypoint::reference

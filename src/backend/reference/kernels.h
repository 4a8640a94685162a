// The reference backend's kernels, one file per operation. All tensors are float32, ids int32;
// what is of eight bits becomes float32 first (reference.cc).
#pragma once

#include <cmath>
#include <span>

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
void run(const DepthwiseConv2d& op, const KernelRequest& request, const Launch& launch);
void run(const Embedding& op, const KernelRequest& request, const Launch& launch);
void run(const Expand& op, const KernelRequest& request, const Launch& launch);
void run(const FoldNorm& op, const KernelRequest& request, const Launch& launch);
void run(const FromPixels& op, const KernelRequest& request, const Launch& launch);
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
void run(const SigmoidGate& op, const KernelRequest& request, const Launch& launch);
void run(const Slice& op, const KernelRequest& request, const Launch& launch);
void run(const SoftBlend& op, const KernelRequest& request, const Launch& launch);
void run(const SpatialMean& op, const KernelRequest& request, const Launch& launch);
void run(const SurfaceNormals& op, const KernelRequest& request, const Launch& launch);
void run(const TimestepEmbedding& op, const KernelRequest& request, const Launch& launch);
void run(const ToPixels& op, const KernelRequest& request, const Launch& launch);
void run(const Upsample& op, const KernelRequest& request, const Launch& launch);

/// sqrt(variance + epsilon), of the whole population.
inline double deviation(std::span<const float> values, double epsilon = 0) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()) + epsilon);
}

/// Runs body(i) for i in [0, count) on all cores.
template <class Body>
void parallel(int64_t count, const Body& body) {
  parallel_for(static_cast<size_t>(count), usable_cores(),
               [&](size_t i) { body(static_cast<int64_t>(i)); });
}

}  // namespace drypoint::reference

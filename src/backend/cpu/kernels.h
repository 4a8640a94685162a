// The CPU backend's kernels, one file per operation. All tensors are float32, ids int32;
// feature maps are channels last. Products may round their factors.
#pragma once

#include <algorithm>

#include "backend/backend.h"
#include "backend/cpu/multiplier.h"
#include "backend/function_kernel.h"
#include "base/threads.h"
#include "ops/product.h"

namespace drypoint::cpu {

/// What kernels share.
struct Context {
  std::shared_ptr<ThreadPool> pool;  // that a kernel runs on
  /// What products with weights make of f32: f32 or bf16.
  DType factors = DType::f32;
  /// Their one way to multiply, for tests; else the best that there is.
  std::optional<Multiplier> multiplier;

  int threads() const { return pool->threads(); }
  Multiplier multiplier_for(DType factors) const;
};

/// `threads` 0: all cores this process may use.
Context make_context(int threads, DType factors = DType::f32);

/// Floats in a vector of the instruction set that our code runs with here.
int64_t vector_size();

KernelPtr make(const Activation& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Add& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AddScaled& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Attention& op, const KernelRequest& request, const Context& context);
KernelPtr make(const AveragePool& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Blend& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Cast& op, const KernelRequest& request, const Context& context);
KernelPtr make(const Concat& op, const KernelRequest& request, const Context& context);
/// Of weights alone: refused.
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

/// A product or convolution of eight bits as one in float32: its input is dequantised first, its
/// weight rounded as it is packed.
KernelPtr make_dequantized(const KernelRequest& request, const Context& context);

// A picture must not depend on the threads there are, nor on those drawn beside it. So each value
// of a result is computed in one task, as a function of its own sample alone: the order of a sum
// may follow from the shape of one sample, never from how many there are or from how work is cut.

/// Runs task(i) for i in [0, count) on all threads, the next free thread taking the next task.
template <class Task>
void parallel_tasks(const Context& context, int64_t count, const Task& task) {
  context.pool->run(count, [&](int64_t i, int) { task(i); });
}

/// Runs range(begin, end) over pieces of [0, count) of `grain` elements.
template <class Range>
void parallel_ranges(const Context& context, int64_t count, int64_t grain, const Range& range) {
  grain = std::max<int64_t>(grain, 1);
  parallel_tasks(context, (count + grain - 1) / grain,
                 [&](int64_t i) { range(i * grain, std::min(count, (i + 1) * grain)); });
}

/// Elements that are worth a task of their own in operations that read each element once.
constexpr int64_t elements_per_task = 1 << 14;

/// Copies `count` floats on all threads.
void parallel_copy(const Context& context, const float* from, int64_t count, float* to);

constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace drypoint::cpu

#include "ops/embedding.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

__global__ void embedding(const int32_t* ids, const float* table, float* to, int64_t width,
                          int32_t rows, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t row = min(max(ids[i / width], 0), rows - 1);
    to[i] = table[row * width + i % width];
  }
}

}  // namespace

KernelPtr make(const Embedding& op, const KernelRequest& request, const Context& context) {
  if (request.output.dtype != DType::f32)
    fail(ErrorKind::unsupported, "{}: {} in {} on device cuda", request.module, op.name,
         name(request.output.dtype));
  const int64_t width = request.output.shape.back(), count = request.output.elements();
  const auto rows = static_cast<int32_t>(request.inputs[1].shape[0]);
  return make_kernel([=, &context](const Launch& l) {
    launch(context, embedding, blocks_for(context, count), 256, 0, 1, l.i32(0), l.f32(1), l.out(),
           width, rows, count);
  });
}

}  // namespace drypoint::cuda

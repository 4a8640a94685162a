#include "ops/permute.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"
#include "backend/cuda/kernels/strided.cuh"

namespace drypoint::cuda {
namespace {

template <class Word>
__global__ void permute(const Word* from, Word* to, int64_t count, Strided axes) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    to[i] = from[axes.place(i)];
}

}  // namespace

KernelPtr make(const Permute& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  if (x.size() > Strided::max_rank)
    fail(ErrorKind::unsupported, "{}: {} of {} on device cuda", request.module, op.name,
         to_string(x));
  std::vector<int64_t> strides(x.size(), 1);
  for (size_t d = x.size() - 1; d > 0; --d) strides[d - 1] = strides[d] * x[d];
  Strided axes;
  axes.rank = static_cast<int>(x.size());
  for (size_t d = 0; d < y.size(); ++d) {
    axes.extents[d] = y[y.size() - 1 - d];
    axes.strides[d] = strides[op.axes[y.size() - 1 - d]];
  }
  const int64_t count = request.output.elements();
  const auto word = static_cast<int64_t>(size_of(request.output.dtype));
  return make_kernel([=, &context](const Launch& l) {
    with_word(word, [&](auto type) {
      using Word = decltype(type);
      launch(context, permute<Word>, blocks_for(context, count), 256, 0, 1,
             static_cast<const Word*>(l.inputs[0]), static_cast<Word*>(l.output), count, axes);
    });
  });
}

}  // namespace drypoint::cuda

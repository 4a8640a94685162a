#include "ops/expand.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// from [groups, words] -> to [groups, times, words]
template <class Word>
__global__ void expand(const Word* from, Word* to, int64_t words, int64_t times, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    to[i] = from[i / (words * times) * words + i % words];
}

}  // namespace

KernelPtr make(const Expand& op, const KernelRequest& request, const Context& context) {
  const auto bytes = static_cast<int64_t>(request.inputs[0].bytes()) / op.groups;
  const int64_t word = word_for(bytes), words = bytes / word, count = words * op.times * op.groups;
  return make_kernel([=, &context](const Launch& l) {
    with_word(word, [&](auto type) {
      using Word = decltype(type);
      launch(context, expand<Word>, blocks_for(context, count), 256, 0, 1,
             static_cast<const Word*>(l.inputs[0]), static_cast<Word*>(l.output), words, op.times,
             count);
    });
  });
}

}  // namespace drypoint::cuda

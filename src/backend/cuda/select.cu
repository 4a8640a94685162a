#include "ops/select.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

template <class Word>
__global__ void select(const Word* table, const int32_t* index, Word* to, int64_t words,
                       int32_t rows) {
  wait_for_previous();
  let_next_begin();
  // A row that is not there cannot be reported from here; the last stands for it.
  const int64_t row = min(max(*index, 0), rows - 1);
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < words; i += stride)
    to[i] = table[row * words + i];
}

}  // namespace

KernelPtr make(const Select&, const KernelRequest& request, const Context& context) {
  const auto bytes = static_cast<int64_t>(request.output.bytes());
  const int64_t word = word_for(bytes), words = bytes / word;
  const auto rows = static_cast<int32_t>(request.inputs[0].shape[0]);
  return make_kernel([=, &context](const Launch& l) {
    with_word(word, [&](auto type) {
      using Word = decltype(type);
      launch(context, select<Word>, blocks_for(context, words), 256, 0, 1,
             static_cast<const Word*>(l.inputs[0]), l.i32(1), static_cast<Word*>(l.output), words,
             rows);
    });
  });
}

}  // namespace drypoint::cuda

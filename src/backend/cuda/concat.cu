#include "ops/concat.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

constexpr int max_parts = 8;

/// Each input's part of a row of the result, in words.
struct Parts {
  const void* from[max_parts];
  int64_t end[max_parts];
  int count;
};

template <class Word>
__global__ void concat(Parts parts, Word* to, int64_t width, int64_t words) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < words; i += stride) {
    const int64_t row = i / width, column = i - row * width;
    int64_t begin = 0;
    for (int p = 0; p < parts.count; ++p) {
      if (column < parts.end[p]) {
        to[i] =
            static_cast<const Word*>(parts.from[p])[row * (parts.end[p] - begin) + column - begin];
        break;
      }
      begin = parts.end[p];
    }
  }
}

}  // namespace

KernelPtr make(const Concat& op, const KernelRequest& request, const Context& context) {
  const Shape& out = request.output.shape;
  const size_t axis = op.axis < 0 ? op.axis + out.size() : op.axis;
  if (request.inputs.size() > max_parts)
    fail(ErrorKind::unsupported, "{}: {} of {} tensors on device cuda", request.module, op.name,
         request.inputs.size());
  const auto element = static_cast<int64_t>(size_of(request.output.dtype));
  const int64_t inner = element_count(Shape(out.begin() + axis + 1, out.end())) * element;
  int64_t word = 16;
  for (const TensorType& input : request.inputs) word = word_for(word, input.shape[axis] * inner);
  Parts parts{};
  parts.count = static_cast<int>(request.inputs.size());
  int64_t end = 0;
  for (int i = 0; i < parts.count; ++i)
    parts.end[i] = end += request.inputs[i].shape[axis] * inner / word;
  const int64_t words = request.output.elements() * element / word;
  return make_kernel([=, &context](const Launch& l) {
    Parts now = parts;
    std::copy(l.inputs.begin(), l.inputs.end(), now.from);
    with_word(word, [&](auto type) {
      using Word = decltype(type);
      launch(context, concat<Word>, blocks_for(context, words), 256, 0, 1, now,
             static_cast<Word*>(l.output), end, words);
    });
  });
}

}  // namespace drypoint::cuda

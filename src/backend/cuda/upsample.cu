#include "ops/upsample.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

struct Size {
  int64_t height, width;
};

/// from [N, h, w, words] -> to [N, H, W, words]
template <class Word>
__global__ void upsample(const Word* from, Word* to, Size in, Size out, int64_t words,
                         int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t pixel = i / words, ox = pixel % out.width, oy = pixel / out.width % out.height;
    const int64_t n = pixel / (out.width * out.height);
    const int64_t iy = oy * in.height / out.height, ix = ox * in.width / out.width;
    to[i] = from[((n * in.height + iy) * in.width + ix) * words + i % words];
  }
}

}  // namespace

KernelPtr make(const Upsample&, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  const int64_t bytes = x[3] * static_cast<int64_t>(size_of(request.output.dtype));
  const int64_t word = word_for(bytes), words = bytes / word, count = y[0] * y[1] * y[2] * words;
  return make_kernel([=, &context, in = Size{x[1], x[2]}, out = Size{y[1], y[2]}](const Launch& l) {
    with_word(word, [&](auto type) {
      using Word = decltype(type);
      launch(context, upsample<Word>, blocks_for(context, count), 256, 0, 1,
             static_cast<const Word*>(l.inputs[0]), static_cast<Word*>(l.output), in, out, words,
             count);
    });
  });
}

}  // namespace drypoint::cuda

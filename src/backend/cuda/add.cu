#include "ops/add.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"
#include "backend/cuda/kernels/strided.cuh"

namespace drypoint::cuda {
namespace {

template <class T, class B>
__global__ void add(const T* a, const B* b, T* out, int64_t count, Strided shape) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    out[i] = from_float<T>(to_float(a[i]) + to_float(b[shape.place(i)]));
}

}  // namespace

KernelPtr make(const Add& op, const KernelRequest& request, const Context& context) {
  const Shape &a = request.inputs[0].shape, &b = request.inputs[1].shape;
  if (a.size() > Strided::max_rank)
    fail(ErrorKind::unsupported, "{}: {} of {} on device cuda", request.module, op.name,
         to_string(a));
  Strided shape;  // of b, as its elements follow those of a
  int64_t stride = 1;
  for (size_t d = 1; d <= b.size(); ++d) {
    shape.extents[d - 1] = a[a.size() - d];
    shape.strides[d - 1] = b[b.size() - d] == 1 ? 0 : stride;
    stride *= b[b.size() - d];
  }
  shape.rank = static_cast<int>(b.size());
  const int64_t count = request.output.elements();
  const DType type_a = request.inputs[0].dtype;
  const DType type_b = request.constant[1] ? DType::f32 : request.inputs[1].dtype;
  return make_kernel([=, &context](const Launch& l) {
    with_type(type_a, [&](auto one) {
      with_type(type_b, [&](auto two) {
        using T = decltype(one);
        using B = decltype(two);
        launch(context, add<T, B>, blocks_for(context, count), 256, 0, 1,
               static_cast<const T*>(l.inputs[0]), static_cast<const B*>(l.inputs[1]),
               static_cast<T*>(l.output), count, shape);
      });
    });
  });
}

}  // namespace drypoint::cuda

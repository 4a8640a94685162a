#include "backend/cuda/gemm.h"

namespace drypoint::cuda {
namespace {

void set_piece(GemmShape& shape, const KernelRequest& request) {
  if (is_eight_bits(request.inputs[0].dtype)) shape.piece = 128;
}

template <class Op>
void set_rest(GemmShape& shape, const Op& op, const KernelRequest& request) {
  const int first = positions_of(op).rest;
  for (int i = 0; i < op.concat; ++i)
    shape.rest[i] = static_cast<int>(request.inputs[first + i].shape.back());
}

}  // namespace

GemmShape gemm_shape(const Conv2d& op, const KernelRequest& request) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const auto as_int = [](int64_t n) { return static_cast<int>(n); };
  GemmShape shape;
  shape.groups = as_int(op.groups);
  shape.upsample = op.upsample;
  shape.height = as_int(x[1]), shape.width = as_int(x[2]), shape.channels = as_int(x[3]);
  shape.out_height = as_int(op.upsample ? x[1] : y[1]);
  shape.out_width = as_int(op.upsample ? x[2] : y[2]);
  shape.rows = as_int(y[0] / op.groups * shape.out_height * shape.out_width);
  shape.kernel_height = op.upsample ? 2 : as_int(filter_height(op, w));
  shape.kernel_width = op.upsample ? 2 : as_int(filter_width(op, w));
  shape.stride = as_int(op.stride);
  shape.top = as_int(op.top), shape.left = as_int(op.left);
  shape.bottom = as_int(op.bottom), shape.right = as_int(op.right);
  shape.columns = as_int(w[0] / op.groups);
  set_piece(shape, request);
  set_rest(shape, op, request);
  return shape;
}

GemmShape gemm_shape(const Linear& op, const KernelRequest& request) {
  const Shape& w = request.inputs[1].shape;
  const auto rows = static_cast<int>(request.inputs[0].elements() / request.inputs[0].shape.back());
  GemmShape shape;
  shape.groups = static_cast<int>(op.groups);
  shape.rows = rows / shape.groups;
  shape.width = shape.out_width = rows;
  shape.channels = static_cast<int>(request.inputs[0].shape.back());
  shape.columns = static_cast<int>(w[0] / op.groups);
  shape.gated = op.epilogue.gate;
  set_piece(shape, request);
  set_rest(shape, op, request);
  return shape;
}

}  // namespace drypoint::cuda

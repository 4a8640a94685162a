#include <algorithm>
#include <cmath>

#include "export/lowering.h"
#include "ops/product.h"

namespace drypoint {

using onnx::Attributes;

Lowered Lowering::lower(const Activation& op) {
  Lowered x = in(0);
  x.name = activate(op.kind, x.name);
  return x;
}

Lowered Lowering::lower(const Add&) {
  Lowered a = in(0);
  std::string b = in(1).name;
  if (a.channels_first && !in(1).channels_first) {
    expect(shape(1).size() == 2, "a sum that is not of pictures, or a picture and vectors");
    b = emit("Unsqueeze", {b, integers({2, 3})});  // [N, C] -> [N, C, 1, 1]
  }
  a.name = emit("Add", {a.name, b});
  return a;
}

Lowered Lowering::lower(const AddScaled& op) {
  Lowered a = in(0);
  const int64_t index = op.index;
  const std::string scale =
      emit("Gather", {in(2).name, constant({DType::i64, {}}, &index)}, {{"axis", int64_t{0}}});
  a.name = emit("Add", {a.name, emit("Mul", {in(1).name, scale})});
  return a;
}

Lowered Lowering::lower(const LeakyRelu& op) {
  Lowered x = in(0);
  if (node_->inputs.size() == 1) {
    x.name = emit("LeakyRelu", {x.name}, {{"alpha", op.slope}});
  } else {
    std::string slopes = in(1).name;
    if (x.channels_first) slopes = emit("Unsqueeze", {slopes, integers({1, 2})});
    x.name = emit("PRelu", {x.name, slopes});
  }
  return x;
}

Lowered Lowering::lower(const MultiplyPlane&) {
  Lowered x = picture(0);
  expect(shape(1)[0] == 1 || shape(1)[0] == shape(0)[0], "planes that several rows share");
  x.name = emit("Mul", {x.name, picture(1).name});
  return x;
}

Lowered Lowering::lower(const SpatialMean&) {
  Lowered x = picture(0);
  const std::string mean = emit("GlobalAveragePool", {x.name});
  x.name = emit("Expand", {mean, emit("Shape", {x.name})});
  return x;
}

template <class Pool>
Lowered Lowering::pool(const std::string& type, const Pool& op) {
  Lowered x = picture(0);  // padding does not count in ONNX either, unless asked for
  x.name = emit(type, {x.name},
                {{"kernel_shape", std::vector<int64_t>(2, op.size)},
                 {"pads", std::vector<int64_t>(4, op.padding)},
                 {"strides", std::vector<int64_t>(2, op.stride)}});
  x.extent = add_extent(graph_[node_->output].type.shape, x.name);
  return x;
}

Lowered Lowering::lower(const AveragePool& op) { return pool("AveragePool", op); }
Lowered Lowering::lower(const MaxPool& op) { return pool("MaxPool", op); }

std::string Lowering::split_heads(const Attention& op, const std::string& x, bool turned) {
  const std::string heads = emit("Reshape", {x, integers({0, 0, op.heads, op.head_size})});
  const auto order = turned ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 2, 1, 3};
  return emit("Transpose", {heads}, {{"perm", order}});
}

/// [L, L]: 0 where a query may look, else so low that softmax gives exactly 0, in half precision as
/// well.
std::string Lowering::causal_mask(int64_t length) {
  constexpr float lowest_half = -65504;
  std::vector<float> mask(static_cast<size_t>(length * length), 0.0f);
  for (int64_t query = 0; query < length; ++query)
    std::fill_n(mask.begin() + query * length + query + 1, length - query - 1, lowest_half);
  return numbers({length, length}, std::move(mask));
}

Lowered Lowering::lower(const Attention& op) {
  const int64_t width = op.heads * op.head_size;
  for (const size_t input : {0, 1, 2})
    expect(shape(input)[2] == width && shape(input)[0] == shape(0)[0],
           "queries, keys and values that are parts of a tensor, or of different batches");
  Lowered q = in(0);
  const float scale = 1 / std::sqrt(static_cast<float>(op.head_size));
  const std::string queries =
      emit("Mul", {split_heads(op, q.name, /*turned=*/false), number(scale)});
  std::string scores = emit("MatMul", {queries, split_heads(op, in(1).name, /*turned=*/true)});
  if (op.causal) scores = emit("Add", {scores, causal_mask(shape(1)[1])});
  const std::string shares = emit("Softmax", {scores}, {{"axis", int64_t{-1}}});
  std::string out = emit("MatMul", {shares, split_heads(op, in(2).name, /*turned=*/false)});
  out = emit("Transpose", {out}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  q.name = emit("Reshape", {out, integers({0, 0, width})});
  return q;
}

Lowered Lowering::lower(const Concat& op) {
  Lowered first = in(0);
  const auto rank = static_cast<int64_t>(shape(0).size());
  int64_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  std::vector<std::string> parts;
  for (size_t i = 0; i < node_->inputs.size(); ++i) {
    expect(in(i).channels_first == first.channels_first, "pictures with other values");
    parts.push_back(in(i).name);
  }
  if (first.channels_first) axis = std::vector<int64_t>{0, 2, 3, 1}[static_cast<size_t>(axis)];
  first.name = emit("Concat", parts, {{"axis", axis}});
  return first;
}

Lowered Lowering::lower(const Conv2d& op) {
  Lowered x = picture(0);
  const OperandPositions at = positions_of(op);
  std::vector<std::string> inputs{rounded_input(x.name), rounded_weight(0)};
  if (op.epilogue.bias) {
    expect(shape(at.bias).size() == 1, "a bias that is no vector");
    inputs.push_back(weight(at.bias));
  }
  const Shape& kernel = shape(1);
  x.name = emit("Conv", inputs,
                {{"kernel_shape", std::vector<int64_t>{kernel[2], kernel[3]}},
                 {"pads", std::vector<int64_t>{op.top, op.left, op.bottom, op.right}},
                 {"strides", std::vector<int64_t>{op.stride, op.stride}}});
  if (op.epilogue.residual) x.name = emit("Add", {x.name, picture(at.residual).name});
  x.name = activate(op.epilogue.activation, x.name);
  const bool same_size =
      op.stride == 1 && op.top + op.bottom == kernel[2] - 1 && op.left + op.right == kernel[3] - 1;
  if (!same_size)
    x.extent = add_extent(graph_[node_->output].type.shape, x.name, op.stride == 2 ? x.extent : -1);
  return x;
}

Lowered Lowering::lower(const Embedding&) {
  return {emit("Gather", {weight(1), in(0).name}, {{"axis", int64_t{0}}})};
}

Lowered Lowering::lower(const Expand& op) {
  Lowered x = in(0);
  x.name = emit("Concat", std::vector<std::string>(static_cast<size_t>(op.times), x.name),
                {{"axis", int64_t{0}}});
  return x;
}

Lowered Lowering::lower(const GatedGelu&) {
  Lowered x = in(0);
  expect(!x.channels_first, "of a picture");
  const int64_t width = shape(0).back() / 2;
  const auto half = [&](int64_t begin) {
    return emit("Slice", {x.name, integers({begin}), integers({begin + width}), integers({-1})});
  };
  const std::string value = half(0), gate = emit("Gelu", {half(width)});
  x.name = emit("Mul", {value, gate});
  return x;
}

Lowered Lowering::lower(const GroupNorm& op) {
  Lowered x = picture(0);
  x.name = emit("GroupNormalization", {x.name, weight(1), weight(2)},
                {{"epsilon", op.epsilon}, {"num_groups", op.groups}});
  x.name = activate(op.activation, x.name);
  return x;
}

Lowered Lowering::lower(const LayerNorm& op) {
  Lowered x = in(0);
  expect(!x.channels_first, "of a picture");
  x.name = emit("LayerNormalization", {x.name, weight(1), weight(2)},
                {{"axis", int64_t{-1}}, {"epsilon", op.epsilon}});
  return x;
}

Lowered Lowering::lower(const Linear& op) {
  Lowered x = in(0);
  const OperandPositions at = positions_of(op);
  if (x.channels_first) {  // as a 1x1 convolution
    std::vector<std::string> inputs{rounded_input(x.name),
                                    emit("Reshape", {rounded_weight(0), integers({0, 0, 1, 1})})};
    if (op.epilogue.bias) inputs.push_back(weight(at.bias));
    x.name = emit("Conv", inputs, {{"kernel_shape", std::vector<int64_t>{1, 1}}});
    if (op.epilogue.residual) x.name = emit("Add", {x.name, picture(at.residual).name});
    x.name = activate(op.epilogue.activation, x.name);
    return x;
  }
  x.name = emit("MatMul", {rounded_input(x.name), rounded_weight(1, /*transposed=*/true)});
  if (op.epilogue.bias) x.name = emit("Add", {x.name, weight(at.bias)});
  if (op.epilogue.residual) x.name = emit("Add", {x.name, in(at.residual).name});
  x.name = activate(op.epilogue.activation, x.name);
  return x;
}

Lowered Lowering::lower(const Permute& op) {
  Lowered x = in(0);
  if (!x.channels_first && op.axes == Shape{0, 2, 3, 1})
    return {x.name, true, add_extent(graph_[node_->output].type.shape, x.name)};
  if (x.channels_first && op.axes == Shape{0, 3, 1, 2}) return {x.name, false, x.extent};
  expect(!x.channels_first, "of a picture");
  return {emit("Transpose", {x.name}, {{"perm", op.axes}})};
}

/// A picture's pixels become rows, or rows become the picture again.
Lowered Lowering::lower(const Reshape& op) {
  Lowered x = in(0);
  const Shape& from = shape(0);
  const Attributes turn{{"perm", std::vector<int64_t>{0, 2, 1}}};
  if (x.channels_first && op.shape == Shape{from[0], from[1] * from[2], from[3]}) {
    const std::string pixels = emit("Reshape", {x.name, integers({0, from[3], -1})});
    return {emit("Transpose", {pixels}, turn), false, x.extent};
  }
  expect(x.extent >= 0 && from.size() == 3 && op.shape.size() == 4, "of another kind");
  const Extent& extent = extents_[static_cast<size_t>(x.extent)];
  expect(op.shape == Shape{from[0], extent.height, extent.width, from[2]}, "to another size");
  const std::string pixels = emit("Transpose", {x.name}, turn);
  const std::string size = emit("Shape", {extent.example}, {{"start", int64_t{2}}});
  const std::string sizes = emit("Concat", {integers({0, from[2]}), size}, {{"axis", int64_t{0}}});
  return {emit("Reshape", {pixels, sizes}), true, x.extent};
}

Lowered Lowering::lower(const Select&) {
  return {emit("Gather", {in(0).name, in(1).name}, {{"axis", int64_t{0}}})};
}

Lowered Lowering::lower(const TimestepEmbedding& op) {
  const int64_t half = op.width / 2;
  std::vector<float> frequencies(static_cast<size_t>(half));
  for (int64_t i = 0; i < half; ++i)
    frequencies[static_cast<size_t>(i)] =
        std::exp(-std::log(10000.0f) * static_cast<float>(i) / static_cast<float>(half));
  const std::string column = emit("Unsqueeze", {in(0).name, integers({1})});
  const std::string angles =
      emit("Mul", {column, constant({DType::f32, {half}}, frequencies.data())});
  std::string embedding =
      emit("Concat", {emit("Cos", {angles}), emit("Sin", {angles})}, {{"axis", int64_t{1}}});
  if (dtype_ == DType::f16) embedding = emit("Cast", {embedding}, {{"to", int64_t{10}}});
  return {embedding};
}

Lowered Lowering::lower(const Upsample& op) {
  Lowered x = picture(0);
  const Extent& extent = extents_[static_cast<size_t>(x.extent)];
  std::vector<std::string> inputs{x.name, "", ""};
  const int halved_from = extent.halved_from;
  if (halved_from >= 0) {  // back to what it was
    const Extent& whole = extents_[static_cast<size_t>(halved_from)];
    expect(op.height == whole.height && op.width == whole.width, "to another size");
    const std::string batch = emit("Shape", {x.name}, {{"start", int64_t{0}}, {"end", int64_t{2}}});
    const std::string size = emit("Shape", {whole.example}, {{"start", int64_t{2}}});
    inputs.push_back(emit("Concat", {batch, size}, {{"axis", int64_t{0}}}));
  } else {
    expect(op.height == 2 * extent.height && op.width == 2 * extent.width, "not twice the size");
    const float scales[] = {1, 1, 2, 2};
    inputs.back() = constant({DType::f32, {4}}, scales);
  }
  x.name = emit("Resize", inputs,
                {{"coordinate_transformation_mode", std::string("asymmetric")},
                 {"mode", std::string("nearest")},
                 {"nearest_mode", std::string("floor")}});
  x.extent = halved_from >= 0 ? halved_from : add_extent(graph_[node_->output].type.shape, x.name);
  return x;
}

}  // namespace drypoint

#include "export/lower.h"

#include "ops/product.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"

namespace drypoint {
namespace {

using onnx::Attributes;

/// Height and width of a picture. Values of the same extent have the same at run time too.
struct Extent {
  int64_t height = 0, width = 0;  // in the graph that we lower
  std::string example;            // a value [N, C, H, W] of this extent
  int halved_from = -1;           // the extent of which this is half, rounded in some way
};

/// One of our values in ONNX.
struct Lowered {
  std::string name;
  bool channels_first = false;  // [N, C, H, W] for our [N, H, W, C]
  int extent = -1;              // of a picture, or of one whose pixels became rows
};

class Lowering {
 public:
  Lowering(const Graph& graph, WeightFiles& weights, DType dtype)
      : graph_(graph), weights_(weights), dtype_(dtype), values_(graph.values.size()) {}

  onnx::Model run(const std::string& name, const DimensionNames& dimensions);

 private:
  // Each gives the node's result.
  Lowered lower(const Activation& op);
  Lowered lower(const Add& op);
  Lowered lower(const AddScaled& op);
  Lowered lower(const Attention& op);
  Lowered lower(const AveragePool& op) { return pool("AveragePool", op); }
  Lowered lower(const Concat& op);
  Lowered lower(const Conv2d& op);
  Lowered lower(const Embedding& op);
  Lowered lower(const Expand& op);
  Lowered lower(const GatedGelu& op);
  Lowered lower(const GroupNorm& op);
  Lowered lower(const LayerNorm& op);
  Lowered lower(const LeakyRelu& op);
  Lowered lower(const Linear& op);
  Lowered lower(const MaxPool& op) { return pool("MaxPool", op); }
  Lowered lower(const MultiplyPlane& op);
  Lowered lower(const Permute& op);
  Lowered lower(const Reshape& op);
  Lowered lower(const Select& op);
  Lowered lower(const SpatialMean& op);
  Lowered lower(const TimestepEmbedding& op);
  Lowered lower(const Upsample& op);
  /// What only stands in graphs that are compiled for a device.
  template <class T>
  requires(!OpTraits<T>::exported) Lowered lower(const T& op) {
    fail(ErrorKind::unsupported, "{} as ONNX", op.name);
  }
  /// Refuses fused forms, which builders do not make.
  template <class T>
  Lowered lower_plain(const T& op) {
    if (!has_forms({}, op)) refuse("a form that only compiled graphs have");
    return lower(op);
  }

  template <class Pool>
  Lowered pool(const std::string& type, const Pool& op);

  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorKind::unsupported, "{}: {} in ONNX: {}", node_->module, name(node_->op), what);
  }
  void expect(bool fits, std::string_view what) const {
    if (!fits) refuse(what);
  }

  const Shape& shape(size_t input) const { return graph_[node_->inputs[input]].type.shape; }
  /// An input, or a weight as it is.
  Lowered in(size_t input);
  Lowered picture(size_t input);
  std::string weight(size_t input, bool transposed = false);
  std::string constant(const TensorType& type, const void* bytes);
  std::string integers(const std::vector<int64_t>& values);
  std::string number(float value) { return numbers({}, {value}); }
  std::string numbers(Shape shape, std::vector<float> values);

  /// Adds a node -> its result.
  std::string emit(const std::string& type, std::vector<std::string> inputs,
                   Attributes attributes = {});
  std::string activate(ActivationKind kind, const std::string& x);
  /// [B, L, heads * size] -> [B, heads, L, size], or its last two the other way round.
  std::string split_heads(const Attention& op, const std::string& x, bool turned);
  std::string causal_mask(int64_t length);
  int add_extent(const Shape& picture, const std::string& example, int halved_from = -1);

  void add_input(const std::string& name, ValueId id, const std::vector<std::string>& dimensions);
  void add_output(const std::string& name, ValueId id, const std::vector<std::string>& dimensions);
  onnx::Port port(const std::string& name, Shape shape, DType dtype,
                  const std::vector<std::string>& dimensions) const;

  const Graph& graph_;
  WeightFiles& weights_;
  DType dtype_;
  const Node* node_ = nullptr;  // being lowered
  std::vector<Lowered> values_;
  std::vector<Extent> extents_;
  onnx::Model model_;
  std::map<std::string, int> names_;              // how often each was wanted
  std::map<std::string, std::string> constants_;  // names by type and bytes
  std::set<std::string> initialized_;             // weights that the model has
};

Shape channels_first(const Shape& s) { return {s[0], s[3], s[1], s[2]}; }

std::string Lowering::emit(const std::string& type, std::vector<std::string> inputs,
                           Attributes attributes) {
  std::string name = fmt::format("{}/{}", node_->module, type);
  if (const int before = names_[name]++) name += fmt::format("_{}", before);
  model_.nodes.push_back({type, name, std::move(inputs), std::move(attributes)});
  return name;
}

int Lowering::add_extent(const Shape& picture, const std::string& example, int halved_from) {
  extents_.push_back({picture[1], picture[2], example, halved_from});
  return static_cast<int>(extents_.size()) - 1;
}

std::string Lowering::constant(const TensorType& type, const void* bytes) {
  std::string data(static_cast<const char*>(bytes), type.bytes());
  const auto [known, is_new] =
      constants_.try_emplace(to_string(type) + data, fmt::format("constant.{}", constants_.size()));
  if (is_new) model_.initializers.push_back({known->second, type, std::move(data), "", 0});
  return known->second;
}

std::string Lowering::integers(const std::vector<int64_t>& values) {
  return constant({DType::i64, {static_cast<int64_t>(values.size())}}, values.data());
}

std::string Lowering::numbers(Shape shape, std::vector<float> values) {
  if (dtype_ == DType::f32) return constant({DType::f32, std::move(shape)}, values.data());
  std::vector<uint16_t> halves(values.size());
  std::transform(values.begin(), values.end(), halves.begin(), float_to_half);
  return constant({DType::f16, std::move(shape)}, halves.data());
}

std::string Lowering::weight(size_t input, bool transposed) {
  const Value& value = graph_[node_->inputs[input]];
  expect(value.source == Value::Source::weight, "a weight that is computed");
  const std::string name = value.name + (transposed ? ".T" : "");
  if (!initialized_.insert(name).second) return name;
  const WeightFiles::Place& place = weights_.place(value.name, transposed);
  model_.initializers.push_back({name, place.type, "", place.part, place.offset});
  return name;
}

Lowered Lowering::in(size_t input) {
  const ValueId id = node_->inputs[input];
  if (graph_[id].source == Value::Source::weight) return {weight(input)};
  return values_[id];
}

Lowered Lowering::picture(size_t input) {
  Lowered x = in(input);
  expect(x.channels_first, "an input that is no picture");
  return x;
}

std::string Lowering::activate(ActivationKind kind, const std::string& x) {
  switch (kind) {
    case ActivationKind::none: return x;
    case ActivationKind::silu: return emit("Mul", {x, emit("Sigmoid", {x})});
    case ActivationKind::gelu: return emit("Gelu", {x});
    case ActivationKind::relu: return emit("Relu", {x});
    case ActivationKind::quick_gelu:
      return emit("Mul", {x, emit("Sigmoid", {emit("Mul", {x, number(1.702f)})})});
  }
  refuse("an activation without a counterpart");
}

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
  std::vector<std::string> inputs{x.name, weight(1)};
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
    std::vector<std::string> inputs{x.name, emit("Reshape", {weight(1), integers({0, 0, 1, 1})})};
    if (op.epilogue.bias) inputs.push_back(weight(at.bias));
    x.name = emit("Conv", inputs, {{"kernel_shape", std::vector<int64_t>{1, 1}}});
    if (op.epilogue.residual) x.name = emit("Add", {x.name, picture(at.residual).name});
    x.name = activate(op.epilogue.activation, x.name);
    return x;
  }
  x.name = emit("MatMul", {x.name, weight(1, /*transposed=*/true)});
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

onnx::Port Lowering::port(const std::string& name, Shape shape, DType dtype,
                          const std::vector<std::string>& dimensions) const {
  DRYPOINT_EXPECT(dimensions.size() == shape.size(), "{} names for the dimensions of {} {}",
                  dimensions.size(), name, to_string(shape));
  onnx::Port port{name, dtype, {}};
  for (size_t i = 0; i < shape.size(); ++i)
    if (dimensions[i].empty())
      port.shape.emplace_back(shape[i]);
    else
      port.shape.emplace_back(dimensions[i]);
  return port;
}

void Lowering::add_input(const std::string& name, ValueId id,
                         const std::vector<std::string>& dimensions) {
  const auto& [dtype, shape] = graph_[id].type;
  const auto read_by = [&](auto is_such) {
    return std::any_of(graph_.nodes.begin(), graph_.nodes.end(),
                       [&](const Node& node) { return is_such(node.op) && node.inputs[0] == id; });
  };
  const bool timesteps =
      read_by([](const Op& op) { return std::holds_alternative<TimestepEmbedding>(op); });
  const bool permuted = read_by([](const Op& op) { return std::holds_alternative<Permute>(op); });
  const bool picture = shape.size() == 4 && !permuted;
  values_[static_cast<size_t>(id)] = {name, picture, picture ? add_extent(shape, name) : -1};
  model_.inputs.push_back(port(name, picture ? channels_first(shape) : shape,
                               dtype == DType::f32 && !timesteps ? dtype_ : dtype, dimensions));
}

void Lowering::add_output(const std::string& name, ValueId id,
                          const std::vector<std::string>& dimensions) {
  const Lowered& value = values_[static_cast<size_t>(id)];
  const Shape& shape = graph_[id].type.shape;
  model_.nodes.push_back({"Identity", name, {value.name}, {}});
  model_.outputs.push_back(
      port(name, value.channels_first ? channels_first(shape) : shape, dtype_, dimensions));
}

onnx::Model Lowering::run(const std::string& name, const DimensionNames& dimensions) {
  model_.name = name;
  for (const auto& [input, id] : graph_.inputs) add_input(input, id, dimensions.at(input));
  for (const Node& node : graph_.nodes) {
    node_ = &node;
    values_[static_cast<size_t>(node.output)] =
        std::visit([&](const auto& op) { return lower_plain(op); }, node.op);
  }
  for (const auto& [output, id] : graph_.outputs) add_output(output, id, dimensions.at(output));
  return std::move(model_);
}

}  // namespace

onnx::Model lower(const Graph& graph, const std::string& name, const DimensionNames& dimensions,
                  WeightFiles& weights, DType dtype) {
  return Lowering(graph, weights, dtype).run(name, dimensions);
}

}  // namespace drypoint

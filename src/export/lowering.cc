#include "export/lowering.h"

#include <algorithm>

namespace drypoint {
namespace {

Shape channels_first(const Shape& s) { return {s[0], s[3], s[1], s[2]}; }

}  // namespace

std::string Lowering::emit(const std::string& type, std::vector<std::string> inputs,
                           onnx::Attributes attributes) {
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

onnx::Model lower(const Graph& graph, const std::string& name, const DimensionNames& dimensions,
                  WeightFiles& weights, DType dtype, const Quantization* quantization) {
  return Lowering(graph, weights, dtype, quantization).run(name, dimensions);
}

}  // namespace drypoint

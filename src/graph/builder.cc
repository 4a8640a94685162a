#include "graph/builder.h"

namespace drypoint {

Module Module::operator/(const std::string& child) const {
  return Module(*graph_, path_.empty() ? child : path_ + "." + child);
}

ValueId Module::weight(const std::string& name, Shape shape) const {
  return graph_->add_weight(path_.empty() ? name : path_ + "." + name,
                            {DType::f32, std::move(shape)});
}

ValueId Module::node(Op op, std::vector<ValueId> inputs) const {
  return graph_->add_node(std::move(op), std::move(inputs), path_);
}

std::vector<TensorSpec> weights_of(const Graph& graph) {
  std::vector<TensorSpec> specs;
  for (const Value& value : graph.values)
    if (value.source == Value::Source::weight) specs.push_back({value.name, value.type.shape});
  return specs;
}

ValueId conv2d(const Module& m, ValueId x, int64_t channels, int64_t height, int64_t width,
               Conv2d op, bool bias) {
  op.epilogue.bias = bias;
  std::vector<ValueId> inputs{x, m.weight("weight", {channels, m.shape(x)[3], height, width})};
  if (bias) inputs.push_back(m.weight("bias", {channels}));
  return m.node(op, std::move(inputs));
}

ValueId conv2d(const Module& m, ValueId x, int64_t channels, int64_t kernel, int64_t stride) {
  const int64_t padding = kernel / 2;
  return conv2d(m, x, channels, kernel, kernel, Conv2d{stride, padding, padding, padding, padding});
}

ValueId linear(const Module& m, ValueId x, int64_t width, bool bias) {
  std::vector<ValueId> inputs{x, m.weight("weight", {width, m.shape(x).back()})};
  if (bias) inputs.push_back(m.weight("bias", {width}));
  return m.node(Linear{.epilogue = {.bias = bias}}, std::move(inputs));
}

ValueId group_norm(const Module& m, ValueId x, int64_t groups, float epsilon) {
  const Shape channels{m.shape(x).back()};
  return m.node(GroupNorm{groups, epsilon},
                {x, m.weight("weight", channels), m.weight("bias", channels)});
}

ValueId layer_norm(const Module& m, ValueId x) {
  const Shape width{m.shape(x).back()};
  return m.node(LayerNorm{}, {x, m.weight("weight", width), m.weight("bias", width)});
}

ValueId attention(const Module& m, ValueId q, ValueId k, ValueId v, int64_t heads, bool causal) {
  const int64_t width = m.shape(q).back();
  if (heads <= 0 || width % heads != 0)
    fail(ErrorKind::bad_file, "{}: width {} cannot be divided into {} heads", m.path(), width,
         heads);
  return m.node(Attention{.heads = heads, .head_size = width / heads, .causal = causal}, {q, k, v});
}

ValueId silu(const Module& m, ValueId x) { return m.node(Activation{ActivationKind::silu}, {x}); }
ValueId relu(const Module& m, ValueId x) { return m.node(Activation{ActivationKind::relu}, {x}); }

ValueId add(const Module& m, ValueId a, ValueId b) { return m.node(Add{}, {a, b}); }

ValueId reshape(const Module& m, ValueId x, Shape shape) {
  return m.node(Reshape{std::move(shape)}, {x});
}

ValueId upsample(const Module& m, ValueId x, int64_t height, int64_t width) {
  return m.node(Upsample{height, width}, {x});
}

ValueId pixel_unshuffle(const Module& m, ValueId x, int64_t factor) {
  if (factor == 1) return x;
  const Shape s = m.shape(x);
  const int64_t height = s[1] / factor, width = s[2] / factor;
  const ValueId squares = reshape(m, x, {s[0], height, factor, width, factor, s[3]});
  return reshape(m, m.node(Permute{{0, 1, 3, 5, 2, 4}}, {squares}),
                 {s[0], height, width, s[3] * factor * factor});
}

ValueId pixel_shuffle(const Module& m, ValueId x, int64_t factor) {
  if (factor == 1) return x;
  const Shape s = m.shape(x);
  const int64_t channels = s[3] / (factor * factor);
  const ValueId squares = reshape(m, x, {s[0], s[1], s[2], channels, factor, factor});
  return reshape(m, m.node(Permute{{0, 1, 4, 2, 5, 3}}, {squares}),
                 {s[0], s[1] * factor, s[2] * factor, channels});
}

ValueId to_channels_last(const Module& m, ValueId x) { return m.node(Permute{{0, 2, 3, 1}}, {x}); }

ValueId to_channels_first(const Module& m, ValueId x) { return m.node(Permute{{0, 3, 1, 2}}, {x}); }

}  // namespace drypoint

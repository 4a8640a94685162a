#include "graph/builder.h"

namespace drypoint {

Module Module::operator/(const std::string& child) const {
  return {*graph_, *weights_, full(child)};
}

std::string Module::full(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

bool Module::has(const std::string& name) const { return weights_->contains(full(name)); }

ValueId Module::weight(const std::string& name) const {
  const auto found = weights_->find(full(name));
  if (found == weights_->end()) fail(ErrorKind::bad_file, "tensor {}: missing", full(name));
  return graph_->add_weight(found->first, {DType::f32, found->second.shape});
}

ValueId Module::node(Op op, std::vector<ValueId> inputs) const {
  return graph_->add_node(std::move(op), std::move(inputs), path_);
}

namespace {

std::vector<ValueId> with_bias(const Module& m, ValueId x, bool bias) {
  std::vector<ValueId> inputs{x, m.weight("weight")};
  if (bias) inputs.push_back(m.weight("bias"));
  return inputs;
}

}  // namespace

ValueId conv2d(const Module& m, ValueId x, Conv2d op) {
  op.bias = m.has("bias");
  return m.node(op, with_bias(m, x, op.bias));
}

ValueId conv2d(const Module& m, ValueId x, int64_t padding, int64_t stride) {
  return conv2d(m, x, Conv2d{stride, padding, padding, padding, padding});
}

ValueId linear(const Module& m, ValueId x) {
  const Linear op{.bias = m.has("bias")};
  return m.node(op, with_bias(m, x, op.bias));
}

ValueId group_norm(const Module& m, ValueId x, int64_t groups, float epsilon) {
  return m.node(GroupNorm{groups, epsilon}, {x, m.weight("weight"), m.weight("bias")});
}

ValueId layer_norm(const Module& m, ValueId x) {
  return m.node(LayerNorm{}, {x, m.weight("weight"), m.weight("bias")});
}

ValueId attention(const Module& m, ValueId q, ValueId k, ValueId v, int64_t heads, bool causal) {
  const int64_t width = m.shape(q).back();
  if (heads <= 0 || width % heads != 0)
    fail(ErrorKind::bad_file, "{}: width {} cannot be divided into {} heads", m.path(), width,
         heads);
  return m.node(Attention{.heads = heads, .head_size = width / heads, .causal = causal}, {q, k, v});
}

ValueId silu(const Module& m, ValueId x) { return m.node(Activation{ActivationKind::silu}, {x}); }

ValueId add(const Module& m, ValueId a, ValueId b) { return m.node(Add{}, {a, b}); }

ValueId reshape(const Module& m, ValueId x, Shape shape) {
  return m.node(Reshape{std::move(shape)}, {x});
}

ValueId upsample(const Module& m, ValueId x, int64_t height, int64_t width) {
  return m.node(Upsample{height, width}, {x});
}

ValueId to_channels_last(const Module& m, ValueId x) { return m.node(Permute{{0, 2, 3, 1}}, {x}); }

ValueId to_channels_first(const Module& m, ValueId x) { return m.node(Permute{{0, 3, 1, 2}}, {x}); }

}  // namespace drypoint

#include "models/inception.h"

namespace drypoint {
namespace {

/// A convolution that keeps the size, with ReLU.
ValueId conv(const Module& m, ValueId x) {
  const Shape filter = m.shape(m.weight("weight"));
  const int64_t y = filter[2] / 2, c = filter[3] / 2;
  return m.node(Activation{ActivationKind::relu},
                {conv2d(m, x, Conv2d{.top = y, .left = c, .bottom = y, .right = c})});
}

/// One without padding, with ReLU.
ValueId valid_conv(const Module& m, ValueId x, int64_t stride = 1) {
  return m.node(Activation{ActivationKind::relu}, {conv2d(m, x, 0, stride)});
}

/// One after the other: "branch3x3_1", "branch3x3_2", ... `count`.
ValueId chain(const Module& m, const std::string& branch, int count, ValueId x) {
  for (int i = 1; i <= count; ++i) x = conv(m / (branch + "_" + std::to_string(i)), x);
  return x;
}

ValueId halve(const Module& m, ValueId x) { return m.node(MaxPool{.size = 3, .stride = 2}, {x}); }

template <class Pool>
ValueId pool_branch(const Module& m, ValueId x) {
  return conv(m / "branch_pool", m.node(Pool{.size = 3, .stride = 1, .padding = 1}, {x}));
}

ValueId join(const Module& m, std::vector<ValueId> branches) {
  return m.node(Concat{-1}, std::move(branches));
}

ValueId block_a(const Module& m, ValueId x) {
  return join(m, {conv(m / "branch1x1", x), chain(m, "branch5x5", 2, x),
                  chain(m, "branch3x3dbl", 3, x), pool_branch<AveragePool>(m, x)});
}

ValueId block_b(const Module& m, ValueId x) {
  const ValueId twice = chain(m, "branch3x3dbl", 2, x);
  return join(m, {valid_conv(m / "branch3x3", x, 2), valid_conv(m / "branch3x3dbl_3", twice, 2),
                  halve(m, x)});
}

ValueId block_c(const Module& m, ValueId x) {
  return join(m, {conv(m / "branch1x1", x), chain(m, "branch7x7", 3, x),
                  chain(m, "branch7x7dbl", 5, x), pool_branch<AveragePool>(m, x)});
}

ValueId block_d(const Module& m, ValueId x) {
  const ValueId small = conv(m / "branch3x3_1", x), large = chain(m, "branch7x7x3", 3, x);
  return join(m, {valid_conv(m / "branch3x3_2", small, 2),
                  valid_conv(m / "branch7x7x3_4", large, 2), halve(m, x)});
}

template <class Pool>
ValueId block_e(const Module& m, ValueId x) {
  const ValueId once = conv(m / "branch3x3_1", x), twice = chain(m, "branch3x3dbl", 2, x);
  return join(m, {conv(m / "branch1x1", x), conv(m / "branch3x3_2a", once),
                  conv(m / "branch3x3_2b", once), conv(m / "branch3x3dbl_3a", twice),
                  conv(m / "branch3x3dbl_3b", twice), pool_branch<Pool>(m, x)});
}

}  // namespace

Graph build_inception(const WeightTypes& weights, int64_t batch) {
  Graph graph;
  const Module m(graph, weights);
  ValueId x = graph.add_input("image", {DType::f32, {batch, inception_side, inception_side, 3}},
                              Rate::picture);
  x = valid_conv(m / "Conv2d_1a_3x3", x, 2);
  x = valid_conv(m / "Conv2d_2a_3x3", x);
  x = halve(m, conv(m / "Conv2d_2b_3x3", x));
  x = valid_conv(m / "Conv2d_3b_1x1", x);
  x = halve(m, valid_conv(m / "Conv2d_4a_3x3", x));
  for (const char* block : {"Mixed_5b", "Mixed_5c", "Mixed_5d"}) x = block_a(m / block, x);
  x = block_b(m / "Mixed_6a", x);
  for (const char* block : {"Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"})
    x = block_c(m / block, x);
  x = block_d(m / "Mixed_7a", x);
  x = block_e<AveragePool>(m / "Mixed_7b", x);
  x = block_e<MaxPool>(m / "Mixed_7c", x);  // as the original, by mistake or not
  const Shape last = m.shape(x);
  x = m.node(AveragePool{.size = last[1]}, {x});
  graph.outputs["features"] = reshape(m, x, {batch, last[3]});
  return graph;
}

}  // namespace drypoint

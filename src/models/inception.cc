#include "models/inception.h"

namespace drypoint {
namespace {

/// A convolution that keeps the size, with ReLU.
ValueId conv(const Module& m, ValueId x, int64_t channels, int64_t height = 1, int64_t width = 1) {
  const int64_t y = height / 2, c = width / 2;
  return relu(m, conv2d(m, x, channels, height, width,
                        Conv2d{.top = y, .left = c, .bottom = y, .right = c}));
}

/// One without padding, with ReLU.
ValueId valid_conv(const Module& m, ValueId x, int64_t channels, int64_t kernel,
                   int64_t stride = 1) {
  return relu(m, conv2d(m, x, channels, kernel, kernel, Conv2d{.stride = stride}));
}

struct Filter {
  int64_t channels, height, width;
};

/// One after the other: "branch3x3_1", "branch3x3_2", ...
ValueId chain(const Module& m, const std::string& branch, ValueId x,
              std::initializer_list<Filter> filters) {
  int number = 0;
  for (const auto& [channels, height, width] : filters)
    x = conv(m / (branch + "_" + std::to_string(++number)), x, channels, height, width);
  return x;
}

ValueId halve(const Module& m, ValueId x) { return m.node(MaxPool{.size = 3, .stride = 2}, {x}); }

template <class Pool>
ValueId pool_branch(const Module& m, ValueId x, int64_t channels) {
  return conv(m / "branch_pool", m.node(Pool{.size = 3, .stride = 1, .padding = 1}, {x}), channels);
}

ValueId concat(const Module& m, std::vector<ValueId> branches) {
  return m.node(Concat{-1}, std::move(branches));
}

/// Of 35x35.
ValueId block_a(const Module& m, ValueId x, int64_t pool) {
  return concat(m,
                {conv(m / "branch1x1", x, 64), chain(m, "branch5x5", x, {{48, 1, 1}, {64, 5, 5}}),
                 chain(m, "branch3x3dbl", x, {{64, 1, 1}, {96, 3, 3}, {96, 3, 3}}),
                 pool_branch<AveragePool>(m, x, pool)});
}

ValueId block_b(const Module& m, ValueId x) {
  const ValueId twice = chain(m, "branch3x3dbl", x, {{64, 1, 1}, {96, 3, 3}});
  return concat(m, {valid_conv(m / "branch3x3", x, 384, 3, 2),
                    valid_conv(m / "branch3x3dbl_3", twice, 96, 3, 2), halve(m, x)});
}

/// Of 17x17; `width` channels in between.
ValueId block_c(const Module& m, ValueId x, int64_t width) {
  return concat(m,
                {conv(m / "branch1x1", x, 192),
                 chain(m, "branch7x7", x, {{width, 1, 1}, {width, 1, 7}, {192, 7, 1}}),
                 chain(m, "branch7x7dbl", x,
                       {{width, 1, 1}, {width, 7, 1}, {width, 1, 7}, {width, 7, 1}, {192, 1, 7}}),
                 pool_branch<AveragePool>(m, x, 192)});
}

ValueId block_d(const Module& m, ValueId x) {
  const ValueId small = conv(m / "branch3x3_1", x, 192),
                large = chain(m, "branch7x7x3", x, {{192, 1, 1}, {192, 1, 7}, {192, 7, 1}});
  return concat(m, {valid_conv(m / "branch3x3_2", small, 320, 3, 2),
                    valid_conv(m / "branch7x7x3_4", large, 192, 3, 2), halve(m, x)});
}

/// Of 8x8.
template <class Pool>
ValueId block_e(const Module& m, ValueId x) {
  const ValueId once = conv(m / "branch3x3_1", x, 384),
                twice = chain(m, "branch3x3dbl", x, {{448, 1, 1}, {384, 3, 3}});
  return concat(
      m, {conv(m / "branch1x1", x, 320), conv(m / "branch3x3_2a", once, 384, 1, 3),
          conv(m / "branch3x3_2b", once, 384, 3, 1), conv(m / "branch3x3dbl_3a", twice, 384, 1, 3),
          conv(m / "branch3x3dbl_3b", twice, 384, 3, 1), pool_branch<Pool>(m, x, 192)});
}

}  // namespace

Graph build_inception(int64_t batch) {
  Graph graph;
  const Module m(graph);
  ValueId x = graph.add_input("image", {DType::f32, {batch, inception_side, inception_side, 3}},
                              Rate::picture);
  x = valid_conv(m / "Conv2d_1a_3x3", x, 32, 3, 2);
  x = valid_conv(m / "Conv2d_2a_3x3", x, 32, 3);
  x = halve(m, conv(m / "Conv2d_2b_3x3", x, 64, 3, 3));
  x = valid_conv(m / "Conv2d_3b_1x1", x, 80, 1);
  x = halve(m, valid_conv(m / "Conv2d_4a_3x3", x, 192, 3));
  x = block_a(m / "Mixed_5b", x, 32);
  for (const char* block : {"Mixed_5c", "Mixed_5d"}) x = block_a(m / block, x, 64);
  x = block_b(m / "Mixed_6a", x);
  x = block_c(m / "Mixed_6b", x, 128);
  for (const char* block : {"Mixed_6c", "Mixed_6d"}) x = block_c(m / block, x, 160);
  x = block_c(m / "Mixed_6e", x, 192);
  x = block_d(m / "Mixed_7a", x);
  x = block_e<AveragePool>(m / "Mixed_7b", x);
  x = block_e<MaxPool>(m / "Mixed_7c", x);  // as the original, by mistake or not
  const Shape last = m.shape(x);
  x = m.node(AveragePool{.size = last[1]}, {x});
  graph.outputs["features"] = reshape(m, x, {batch, last[3]});
  return graph;
}

}  // namespace drypoint

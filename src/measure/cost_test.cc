#include "measure/cost.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

TensorType f32(Shape shape) { return {DType::f32, std::move(shape)}; }
TensorType f16(Shape shape) { return {DType::f16, std::move(shape)}; }

Cost cost(const Op& op, const std::vector<TensorType>& inputs, std::vector<bool> constant) {
  return cost_of(op, inputs, constant, infer(op, inputs));
}

TEST(Cost, Conv2d) {
  // 2 pictures of 8 x 6, 3 channels to 5, a window of 3 x 3: 27 products and as many sums.
  const Conv2d op{.top = 1, .left = 1, .bottom = 1, .right = 1};
  const Cost c = cost(op, {f32({2, 8, 6, 3}), f32({5, 3, 3, 3}), f32({5})}, {false, true, true});
  EXPECT_EQ(c.flops, 2 * 8 * 6 * 5 * (2 * 27 + 1));
  EXPECT_EQ(c.bytes, 4 * (2 * 8 * 6 * 3 + 5 * 27 + 5 + 2 * 8 * 6 * 5));
}

TEST(Cost, DoubledConv2d) {
  // A picture of 8 x 6 gives 16 x 12; each pixel of those sees 2 x 2 of these, by one of four sets.
  const Conv2d op{.top = 1, .left = 1, .bottom = 1, .right = 1, .upsample = true};
  const Cost c = cost(op, {f32({2, 8, 6, 3}), f32({5, 3, 3, 3}), f32({5})}, {false, true, true});
  EXPECT_EQ(c.flops, 2 * 16 * 12 * 5 * (2 * 12 + 1));
  EXPECT_EQ(c.bytes, 4 * (2 * 8 * 6 * 3 + 4 * 5 * 12 + 5 + 2 * 16 * 12 * 5));
}

TEST(Cost, GroupsAndTablesOfConv2d) {
  // Two groups: each picture sees 5 of 10 filters. The bias is a row of a table of 32.
  const Conv2d op{.epilogue = {.select = true}, .groups = 2};
  const Cost c =
      cost(op, {f16({2, 8, 6, 3}), f32({10, 3, 1, 1}), f32({32, 10}), TensorType{DType::i32, {1}}},
           {false, true, false, false});
  EXPECT_EQ(c.flops, 2 * 8 * 6 * 5 * (2 * 3 + 1));
  EXPECT_EQ(c.bytes, 2 * (2 * 8 * 6 * 3) + 2 * 30 + 4 * 10 + 4 + 2 * (2 * 8 * 6 * 5));
}

TEST(Cost, Linear) {
  const Cost plain =
      cost(Linear{.epilogue = {.bias = false}}, {f16({4, 7, 16}), f32({24, 16})}, {false, true});
  EXPECT_EQ(plain.flops, 4 * 7 * 24 * 2 * 16);
  EXPECT_EQ(plain.bytes, 2 * (4 * 7 * 16 + 24 * 16 + 4 * 7 * 24));  // weights in half precision
  const Cost residual =
      cost(Linear{.epilogue = {.residual = true}},
           {f32({4, 16}), f32({8, 16}), f32({8}), f32({4, 8})}, {false, true, true, false});
  EXPECT_EQ(residual.flops, 4 * 8 * (2 * 16 + 2));
  // The gate halves the result, not the work.
  const Cost gated = cost(Linear{.epilogue = {.bias = false, .gate = true}},
                          {f32({4, 16}), f32({8, 16})}, {false, true});
  EXPECT_EQ(gated.flops, 4 * 8 * 2 * 16 + 4 * 4 * 7);
}

TEST(Cost, Attention) {
  // 2 heads of 8 columns; queries are a third of the product that they lie in.
  const Attention op{.heads = 2, .head_size = 8, .k_column = 16, .v_column = 32};
  const TensorType qkv = f32({3, 10, 48});
  const Cost c = cost(op, {qkv, qkv, qkv}, {false, false, false});
  EXPECT_EQ(c.flops, 3 * 2 * 10 * 10 * (4 * 8 + 4));
  EXPECT_EQ(c.bytes, 4 * (3 * 10 * 16) * 4);
  Attention causal = op;
  causal.causal = true;
  EXPECT_EQ(cost(causal, {qkv, qkv, qkv}, {false, false, false}).flops, 3 * 2 * 55 * (4 * 8 + 4));
}

TEST(Cost, Norms) {
  const Cost group = cost(GroupNorm{.groups = 2, .activation = ActivationKind::silu},
                          {f32({2, 5, 5, 4}), f32({4}), f32({4})}, {false, true, true});
  EXPECT_EQ(group.flops, 200 * (8 + 4));
  EXPECT_EQ(group.bytes, 4 * (200 + 4 + 4 + 200));
  EXPECT_EQ(cost(LayerNorm{}, {f16({2, 50}), f32({50}), f32({50})}, {false, true, true}).flops,
            100 * 8);
}

TEST(Cost, WhatReadsOnlyParts) {
  const TensorType step{DType::i32, {1}};
  EXPECT_EQ(cost(Select{}, {f32({32, 100}), step}, {false, false}).bytes, 400 + 4 + 400);
  EXPECT_EQ(cost(Embedding{}, {TensorType{DType::i32, {3}}, f32({1000, 8})}, {false, true}).bytes,
            12 + 3 * 8 * 4 * 2);
  EXPECT_EQ(cost(Reshape{.shape = {8}}, {f32({2, 4})}, {false}).bytes, 0);
  EXPECT_EQ(cost(Add{}, {f32({2, 4}), f32({2, 4})}, {false, false}).bytes, 3 * 32);
}

}  // namespace
}  // namespace drypoint

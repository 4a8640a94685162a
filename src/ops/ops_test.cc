// What the list of operations says of each: names, attributes, shapes, and what the compiler may
// do.
#include "ops/ops.h"

#include "support/test_support.h"

namespace drypoint {
namespace {

TensorType f32(Shape shape) { return {DType::f32, std::move(shape)}; }

std::string result(const Op& op, const std::vector<TensorType>& inputs) {
  return to_string(infer(op, inputs));
}

/// All alternatives with their defaults.
template <size_t... index>
std::vector<Op> all_of(std::index_sequence<index...>) {
  return {Op(std::variant_alternative_t<index, Op>())...};
}
const std::vector<Op>& all() {
  static const auto ops = all_of(std::make_index_sequence<std::variant_size_v<Op>>());
  return ops;
}

TEST(Ops, AreFoundByTheirNames) {
  for (const Op& op : all()) {
    ASSERT_TRUE(op_named(name(op)).has_value()) << name(op);
    EXPECT_EQ(*op_named(name(op)), op);
    EXPECT_EQ(to_string(op), name(op));
  }
  EXPECT_FALSE(op_named("conv3d").has_value());
}

TEST(Ops, AttributesAreSetFromWhatIsPrinted) {
  Op op = Conv2d();
  EXPECT_TRUE(set_attribute(op, "stride", "2"));
  EXPECT_TRUE(set_attribute(op, "bias", "false"));
  EXPECT_TRUE(set_attribute(op, "activation", "silu"));
  EXPECT_EQ(to_string(op), "conv2d stride=2 bias=false activation=silu");
  EXPECT_FALSE(has_attribute(op, "axis"));
  for (const auto& [key, text] :
       std::initializer_list<std::pair<const char*, const char*>>{{"axis", "1"},
                                                                  {"stride", ""},
                                                                  {"stride", "2x"},
                                                                  {"bias", "no"},
                                                                  {"activation", "unknown"}})
    EXPECT_FALSE(set_attribute(op, key, text)) << key << "=" << text;
}

TEST(Ops, NoneReadsInputsThatAreNotThere) {
  for (const Op& op : all()) {
    if (std::holds_alternative<Constant>(op)) continue;
    EXPECT_THROW(infer(op, {}), Error) << name(op);
  }
}

TEST(Ops, TypesOfEightBits) {
  const auto of = [](DType type, Shape shape) { return TensorType{type, std::move(shape)}; };
  const TensorType x = of(DType::i8, {2, 16}), weight = f32({32, 16}), one = f32({1});
  EXPECT_EQ(result(Constant{2}, {}), "f32[1]");
  EXPECT_EQ(result(Scales{DType::i8, 4}, {f32({2, 2, 8})}), "f32[4]");
  EXPECT_EQ(result(Quantize{DType::f8}, {f32({2, 16}), f32({2})}), "f8_e4m3[2, 16]");
  EXPECT_EQ(result(Linear{.epilogue = {.bias = false, .dequantize = true, .to = DType::f16}},
                   {x, weight, one}),
            "f16[2, 32]");
  EXPECT_EQ(result(Linear{.epilogue = {.bias = false, .dequantize = true, .quantize = DType::i8}},
                   {x, weight, one, one}),
            "i8[2, 32]");
  const auto refuses = [](const Op& op, const std::vector<TensorType>& inputs) {
    EXPECT_THROW(infer(op, inputs), Error) << to_string(op);
  };
  refuses(Linear{.epilogue = {.bias = false}}, {x, weight});
  refuses(Linear{.epilogue = {.bias = false, .dequantize = true}}, {f32({2, 16}), weight, one});
  refuses(Linear{.epilogue = {.bias = false, .dequantize = true}}, {x, weight, f32({3})});
  refuses(Linear{.epilogue = {.bias = false, .dequantize = true}, .normed = true},
          {x, weight, one});
  refuses(Quantize{DType::f16}, {f32({2, 16}), one});
  refuses(Quantize{DType::i8}, {f32({2, 16}), f32({3})});
  refuses(Scales{DType::i8, 0}, {f32({2, 16})});
  refuses(LayerNorm{.quantize = DType::i8}, {f32({2, 16}), f32({16}), f32({16})});
}

TEST(Ops, Shapes) {
  EXPECT_EQ(result(Conv2d{.stride = 2, .top = 1, .left = 1, .bottom = 1, .right = 1},
                   {f32({2, 5, 8, 3}), f32({4, 3, 3, 3}), f32({4})}),
            "f32[2, 3, 4, 4]");
  EXPECT_EQ(result(Linear{.epilogue = {.bias = false}}, {f32({2, 7, 3}), f32({5, 3})}),
            "f32[2, 7, 5]");
  EXPECT_EQ(result(Linear{.epilogue = {.bias = false, .gate = true}}, {f32({2, 3}), f32({8, 3})}),
            "f32[2, 4]");
  EXPECT_EQ(result(Attention{.heads = 2, .head_size = 3},
                   {f32({2, 5, 6}), f32({1, 7, 6}), f32({1, 7, 6})}),
            "f32[2, 5, 6]");
  EXPECT_EQ(result(Concat{1}, {f32({2, 3}), f32({2, 4})}), "f32[2, 7]");
  EXPECT_EQ(result(Expand{3}, {f32({2, 3})}), "f32[6, 3]");
  EXPECT_EQ(result(Permute{{2, 0, 1}}, {f32({2, 3, 4})}), "f32[4, 2, 3]");
  EXPECT_EQ(result(Slice{1, 2}, {f32({4, 3})}), "f32[2, 3]");
  EXPECT_EQ(result(Embedding{}, {{DType::i32, {2, 7}}, f32({9, 5})}), "f32[2, 7, 5]");
  EXPECT_EQ(result(Cast{DType::f16}, {f32({2})}), "f16[2]");
  EXPECT_EQ(result(GatedGelu{}, {f32({2, 6})}), "f32[2, 3]");
  EXPECT_EQ(result(FromPixels{}, {{DType::u8, {2, 8, 4}}}), "f32[2, 8, 3]");
  EXPECT_EQ(result(ToPixels{}, {f32({2, 8, 3}), f32({1})}), "u8[2, 8, 4]");
}

/// A window that does not fit once is no window, whatever the stride.
TEST(Ops, AFilterLargerThanItsPictureIsRefused) {
  EXPECT_TRUE(
      testing::fails_with(ErrorKind::bad_argument, {"[conv2d]", "[1, 1, 1, 3]", "too small"}, [] {
        infer(Conv2d{.stride = 2, .epilogue = {.bias = false}},
              std::vector{f32({1, 1, 1, 3}), f32({4, 3, 2, 2})});
      }));
}

TEST(Ops, RowsThatDependOnRowsAlone) {
  const std::vector<TensorType> rows{f32({2, 8}), f32({2, 8})};
  EXPECT_EQ(row_inputs(Add{}, rows), (std::vector{0, 1}));
  EXPECT_EQ(row_inputs(Add{}, std::vector{f32({2, 8}), f32({8})}), std::vector{0});
  EXPECT_EQ(row_inputs(Concat{0}, rows), std::vector<int>{});
  EXPECT_EQ(row_inputs(Permute{{1, 0}}, rows), std::vector<int>{});
}

TEST(Target, FormsThatAnOperationUses) {
  EXPECT_EQ(forms_of(Linear{}), FusedForms{});
  EXPECT_EQ(forms_of(Linear{.epilogue = {.gate = true}, .normed = true}),
            (FusedForms{.gate = true, .row_scale = true}));
  EXPECT_EQ(forms_of(Conv2d{.epilogue = {.select = true}, .groups = 2, .upsample = true}),
            (FusedForms{.upsample = true, .select = true, .groups = true}));
  const Op concatenated = GroupNorm{.concat = true};
  EXPECT_FALSE(has_forms({.gate = true}, concatenated));
  EXPECT_TRUE(has_forms({.concat = true}, concatenated));
  for (const Op& op : all()) EXPECT_TRUE(has_forms({}, op)) << name(op);
}

}  // namespace
}  // namespace drypoint

#include "checkpoint/scaled_weights.h"

#include <cmath>
#include <cstring>

#include "checkpoint/convrot.h"
#include "support/test_support.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

Tensor eight_bits(Shape shape, const std::vector<float>& values) {
  Tensor tensor({DType::f8, std::move(shape)});
  for (size_t i = 0; i < values.size(); ++i)
    tensor.mutable_bytes()[i] = std::byte{to_eight_bits(values[i], DType::f8)};
  return tensor;
}

TEST(ScaledWeights, BecomeWhatTheyStandFor) {
  NamedTensors tensors;
  tensors.tensors["a.weight"] = eight_bits({2, 2}, {1, -2, 0.5f, 448});
  tensors.tensors["a.scale_weight"] = make_tensor({}, std::vector<float>{0.25f});
  tensors.tensors["b.weight"] = eight_bits({2, 1}, {1, 2});
  tensors.tensors["b.scale_weight"] = make_tensor({2, 1}, std::vector<float>{10, 0.5f});
  tensors.tensors["c.weight"] = eight_bits({1}, {3});
  tensors.tensors["scaled_fp8"] = eight_bits({0}, {});
  apply_weight_scales(tensors, "file");
  EXPECT_EQ(tensors.tensors.size(), 3u);
  const auto values = [&](const char* name) {
    const Tensor tensor = tensors.at(name).to_f32();
    return std::vector<float>(tensor.floats().begin(), tensor.floats().end());
  };
  EXPECT_EQ(values("a.weight"), (std::vector<float>{0.25f, -0.5f, 0.125f, 112}));
  EXPECT_EQ(values("b.weight"), (std::vector<float>{10, 1}));
  EXPECT_EQ(values("c.weight"), (std::vector<float>{3}));
}

Tensor text(std::string_view json) {
  Tensor tensor({DType::u8, {static_cast<int64_t>(json.size())}});
  std::memcpy(tensor.mutable_bytes().data(), json.data(), json.size());
  return tensor;
}

Tensor int8(Shape shape, const std::vector<int>& values) {
  Tensor tensor({DType::i8, std::move(shape)});
  for (size_t i = 0; i < values.size(); ++i)
    tensor.mutable_bytes()[i] = static_cast<std::byte>(values[i]);
  return tensor;
}

TEST(ScaledWeights, OfComfyUIAreTurnedBack) {
  NamedTensors tensors;
  tensors.tensors["a.weight"] = int8({2, 4}, {1, 2, 3, 4, -1, 0, 0, 127});
  tensors.tensors["a.weight_scale"] = make_tensor({2, 1}, std::vector<float>{2, 1});
  tensors.tensors["a.comfy_quant"] =
      text(R"({"format":"int8_tensorwise","convrot":true,"convrot_groupsize":4,"per_row":true})");
  tensors.tensors["b.weight"] = int8({1, 2}, {10, -3});
  tensors.tensors["b.weight_scale"] = make_tensor({}, std::vector<float>{0.5f});
  tensors.metadata["_quantization_metadata"] =
      R"({"format_version":"1.0","layers":{"b":{"format":"int8_tensorwise"}}})";
  apply_weight_scales(tensors, "file");
  EXPECT_EQ(tensors.tensors.size(), 2u);
  const Tensor a = tensors.at("a.weight").to_f32(), b = tensors.at("b.weight").to_f32();
  // Rows of H4 are 1 1 1 -1, 1 1 -1 1, 1 -1 1 1, -1 1 1 1, over 2.
  EXPECT_EQ(std::vector<float>(a.floats().begin(), a.floats().end()),
            (std::vector<float>{2, 4, 6, 8, -64, 63, 63, 64}));
  EXPECT_EQ(std::vector<float>(b.floats().begin(), b.floats().end()),
            (std::vector<float>{5, -1.5f}));
}

TEST(ScaledWeights, RotationsAreTheirOwnInverse) {
  std::vector<float> values(512);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * i % 97) - 48;
  std::vector<float> turned = values;
  rotate(turned, 256);
  EXPECT_NE(turned, values);
  double before = 0, after = 0;
  for (size_t i = 0; i < 256; ++i) {
    before += values[i] * values[i];
    after += turned[i] * turned[i];
  }
  EXPECT_NEAR(after, before, 1e-6 * before);
  rotate(turned, 256);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(turned[i], values[i], 1e-4);
  EXPECT_FALSE(is_rotation(8, 64));
  EXPECT_FALSE(is_rotation(0, 64));
  EXPECT_FALSE(is_rotation(256, 320));
  EXPECT_TRUE(is_rotation(64, 320));
}

TEST(ScaledWeights, MarksThatAreNotReadAreRefused) {
  const auto refused = [](ErrorKind kind, std::initializer_list<std::string> parts,
                          std::string_view json, int64_t columns = 4) {
    NamedTensors tensors;
    tensors.tensors["a.weight"] = int8({1, columns}, {1, 2, 3, 4});
    tensors.tensors["a.weight_scale"] = make_tensor({1}, std::vector<float>{1});
    tensors.tensors["a.comfy_quant"] = text(json);
    return testing::fails_with(kind, parts, [&] { apply_weight_scales(tensors, "file"); });
  };
  EXPECT_TRUE(refused(ErrorKind::unsupported, {"file", "a", "nvfp4"}, R"({"format":"nvfp4"})"));
  EXPECT_TRUE(refused(ErrorKind::unsupported, {"group_size"},
                      R"({"format":"int8_tensorwise","group_size":64})"));
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"no JSON"}, "{"));
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"format"}, "[]"));
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"i8", "f8_e4m3"}, R"({"format":"float8_e4m3fn"})"));
  for (const char* group : {"3", "0", "-4", "256", "1e9", "\"4\""})
    EXPECT_TRUE(refused(ErrorKind::bad_file, {"file", "a"},
                        R"({"format":"int8_tensorwise","convrot":true,"convrot_groupsize":)" +
                            std::string(group) + "}"));
}

TEST(ScaledWeights, ThatDoNotFitAreRefused) {
  const auto refused = [](std::initializer_list<std::string> parts, Tensor weight, Tensor scale) {
    NamedTensors tensors;
    if (weight.defined()) tensors.tensors["a.weight"] = std::move(weight);
    tensors.tensors["a.scale_weight"] = std::move(scale);
    return testing::fails_with(ErrorKind::bad_file, parts,
                               [&] { apply_weight_scales(tensors, "file"); });
  };
  const auto one = [](float value) { return make_tensor({1}, std::vector<float>{value}); };
  EXPECT_TRUE(refused({"file", "a.weight", "not there"}, {}, one(1)));
  EXPECT_TRUE(refused({"a.scale_weight", "f32[2]"}, eight_bits({3, 1}, {1, 2, 3}),
                      make_tensor({2}, std::vector<float>{1, 2})));
  EXPECT_TRUE(refused({"f32[1]"}, one(1), one(1)));
  EXPECT_TRUE(refused({"finite"}, eight_bits({1}, {1}), one(INFINITY)));
}

}  // namespace
}  // namespace drypoint

#include "checkpoint/scaled_weights.h"

#include <cstring>

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
  tensors.tensors["a.scale_input"] = make_tensor({1}, std::vector<float>{3});
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

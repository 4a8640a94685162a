#include "quantize/smoothing.h"

#include "support/test_support.h"

namespace drypoint {
namespace {

TEST(Smoothing, FactorsAreByInputsAndWeights) {
  std::map<std::string, ChannelLimits> channels;
  channels["one"].add(std::vector<float>{-4, 1, 2, 0.5f}, 2);
  channels["merged"].add(std::vector<float>{1, 0, 3}, 3);
  channels["none"].add(std::vector<float>{1}, 1);
  NamedTensors model;
  model.tensors["one.weight"] = make_tensor({2, 2}, std::vector<float>{1, 1, 0.5f, -2});
  model.tensors["merged.to_q.weight"] = make_tensor({1, 3}, std::vector<float>{1, 1, 2});
  model.tensors["merged.to_v.weight"] = make_tensor({1, 3}, std::vector<float>{-1, 2, 3});
  const Factors found = factors_for(channels, model, 0.5);
  ASSERT_EQ(found.size(), 2u);
  // (1/4)^½ and (2/1)^½, over the root of their product; a channel of zeros counts as 1.
  EXPECT_TRUE(testing::close(found.at("one"), std::vector{0.594604f, 1.681793f}, 1e-5));
  EXPECT_TRUE(testing::close(found.at("merged"), std::vector<float>{1, 1, 1}, 1e-5));
  EXPECT_TRUE(
      testing::close(factors_for(channels, model, 1).at("one"), std::vector<float>{0.5f, 2}, 1e-5));
  EXPECT_EQ(times(std::vector<float>{1, 2, 3, 4}, std::vector<float>{2, 10}),
            (std::vector<float>{2, 20, 6, 40}));
}

}  // namespace
}  // namespace drypoint

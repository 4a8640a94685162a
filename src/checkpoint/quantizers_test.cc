#include "checkpoint/quantizers.h"

#include <cmath>

#include "support/test_support.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

Tensor numbers(Shape shape, const std::vector<float>& values) {
  return make_tensor(std::move(shape), values);
}

float range_of(const NamedTensors& tensors, const std::string& layer) {
  return tensors.at(layer + std::string(range_end)).to_f32().floats()[0];
}

TEST(Quantizers, BecomeRanges) {
  NamedTensors tensors;
  auto& all = tensors.tensors;
  for (const char* layer : {"a", "b", "c", "d.module", "m.norm1", "e"})
    all[std::string(layer) + ".weight"] = numbers({1, 2}, {1, 2});
  all["a.input_quantizer._amax"] = numbers({}, {3});
  all["a.weight_quantizer._amax"] = numbers({1, 1}, {2});
  all["a.output_quantizer._amax"] = numbers({}, {9});
  all["b._input_quantizer._amax"] = numbers({1, 2}, {4, 5});
  all["c.activation_fake_quantizer.scale"] = numbers({1}, {0.5f});
  all["c.activation_fake_quantizer.zero_point"] = numbers({1}, {0});
  all["c.weight_fake_quantizer.scale"] = numbers({1}, {1});
  all["d.quant.activation_post_process.scale"] = numbers({1}, {0.1f});
  all["d.quant.activation_post_process.zero_point"] = numbers({1}, {100});
  all["d.quant.activation_post_process.fake_quant_enabled"] = numbers({1}, {1});
  all["d.module.weight_fake_quant.activation_post_process.min_val"] = numbers({}, {-1});
  all["m.norm1.activation_post_process.scale"] = numbers({1}, {0.1f});
  all["m.norm1.activation_post_process.activation_post_process.min_val"] = numbers({}, {-2.5f});
  all["m.norm1.activation_post_process.activation_post_process.max_val"] = numbers({}, {2});
  all["e.activation_post_process.min_val"] = numbers({}, {INFINITY});  // of its result
  all["e.activation_post_process.max_val"] = numbers({}, {-INFINITY});
  take_quantizers(tensors, "file");
  EXPECT_EQ(range_of(tensors, "a"), 3);
  EXPECT_EQ(range_of(tensors, "b"), 5);
  EXPECT_EQ(range_of(tensors, "c"), 63.5f);
  EXPECT_FLOAT_EQ(range_of(tensors, "d"), 15.5f);
  EXPECT_EQ(range_of(tensors, "m.attn1.to_q"), 2.5f);
  EXPECT_TRUE(tensors.has("d.weight"));
  EXPECT_FALSE(tensors.has("d.module.weight"));
  EXPECT_EQ(all.size(), 6u + 5u);
}

TEST(Quantizers, ScalesOfInputsCountBesideEightBits) {
  NamedTensors tensors;
  tensors.tensors["a.weight"] = Tensor({DType::f8, {2, 2}});
  tensors.tensors["a.input_scale"] = numbers({}, {0.5f});
  tensors.tensors["b.weight"] = Tensor({DType::i8, {2, 2}});
  tensors.tensors["b.scale_input"] = numbers({1}, {2});
  tensors.tensors["c.weight"] = Tensor({DType::f8, {2, 2}});
  tensors.tensors["c.scale_input"] = numbers({1}, {1});
  tensors.tensors["d.weight"] = numbers({1}, {2});
  tensors.tensors["d.input_scale"] = numbers({1}, {1});
  take_quantizers(tensors, "file");
  EXPECT_EQ(range_of(tensors, "a"), 224);
  EXPECT_EQ(range_of(tensors, "b"), 254);
  EXPECT_FALSE(tensors.has("c.input_range"));
  EXPECT_TRUE(tensors.has("d.input_scale"));
}

TEST(Quantizers, FactorsOfInputsAreFolded) {
  NamedTensors tensors;
  tensors.tensors["a.weight"] = numbers({2, 2}, {1, 2, 3, 4});
  tensors.tensors["a.input_quantizer._pre_quant_scale"] = numbers({2}, {0.5f, 2});
  take_quantizers(tensors, "file");
  fold_input_factors(tensors, "file");
  const auto weight = tensors.at("a.weight").floats();
  EXPECT_EQ(std::vector<float>(weight.begin(), weight.end()),
            (std::vector<float>{0.5f, 4, 1.5f, 8}));
}

TEST(Quantizers, ThatDoNotFitAreRefused) {
  const auto refused = [](std::initializer_list<std::string> parts, const std::string& name,
                          Tensor tensor, const std::string& also = {}) {
    NamedTensors tensors;
    tensors.tensors["a.weight"] = numbers({1, 2}, {1, 2});
    tensors.tensors["a." + name] = std::move(tensor);
    if (!also.empty()) tensors.tensors["a." + also] = numbers({}, {1});
    return testing::fails_with(ErrorKind::bad_file, parts, [&] {
      take_quantizers(tensors, "file");
      fold_input_factors(tensors, "file");
    });
  };
  EXPECT_TRUE(refused({"file", "a", "-1"}, "input_quantizer._amax", numbers({}, {-1})));
  EXPECT_TRUE(refused({"nan"}, "input_quantizer._amax", numbers({}, {NAN})));
  EXPECT_TRUE(refused({"f32[2]"}, "activation_fake_quantizer.zero_point", numbers({2}, {1, 2}),
                      "activation_fake_quantizer.scale"));
  EXPECT_TRUE(refused({"about 256"}, "activation_fake_quantizer.zero_point", numbers({}, {256}),
                      "activation_fake_quantizer.scale"));
  EXPECT_TRUE(refused({"a.pre_quant_scale", "column"}, "pre_quant_scale", numbers({3}, {1, 1, 1})));
  EXPECT_TRUE(refused({"positive"}, "pre_quant_scale", numbers({2}, {1, 0})));
  EXPECT_TRUE(refused({"not there"}, "b.pre_quant_scale", numbers({2}, {1, 1})));
}

}  // namespace
}  // namespace drypoint

#include "drypoint/inspect.h"

#include <functional>
#include <set>

#include "drypoint/error.h"
#include "inspect/module_tree.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;

TEST(Inspect, DescribesAWholeModel) {
  const auto info = inspect(testing::tiny_model_path());
  EXPECT_EQ(info.layout, "safetensors");
  ASSERT_EQ(info.parts.size(), 3u);
  EXPECT_TRUE(info.missing_parts.empty());
  EXPECT_EQ(info.other_tensors, 0);
  EXPECT_FALSE(info.has_schedule);
  const auto& unet = info.parts[0];
  EXPECT_EQ(unet.name, "UNet");
  EXPECT_EQ(unet.source, testing::tiny_model_path());
  EXPECT_EQ(unet.tensors, 684);
  EXPECT_EQ(unet.bytes, 2 * unet.parameters);
  EXPECT_EQ(unet.dtypes, (std::map<std::string, int64_t>{{"f16", unet.parameters}}));
  EXPECT_TRUE(unet.problems.empty());
  EXPECT_EQ(unet.sizes[2],
            (std::pair<std::string, std::vector<int64_t>>("channels", {32, 32, 64, 64})));
  EXPECT_EQ(info.parts[1].name, "VAE");
  EXPECT_EQ(info.parts[2].name, "text encoder");
}

TEST(Inspect, AnyNamesMakeATree) {
  // Signs that sort before and after the dot between modules, and more modules than any model has.
  NamedTensors tensors;
  for (const char* name : {"m.a.x", "m.a-b.x", "m.a.b.x", "m.a", "m.a/b.x", "m.a.b-c.x", "m.a.b.y"})
    tensors.tensors[name] = make_tensor({1}, std::vector<float>{1});
  const InspectedModule small = module_tree(tensors, "m.");
  ASSERT_EQ(small.modules.size(), 3u);  // a, a-b, a/b
  EXPECT_EQ(small.own.size(), 1u);
  const auto a = std::find_if(small.modules.begin(), small.modules.end(),
                              [](const auto& module) { return module.name == "a"; });
  ASSERT_NE(a, small.modules.end());
  EXPECT_EQ(a->modules.size(), 2u);  // b, b-c
  EXPECT_EQ(a->tensors, 4);
  for (int i = 0; i < 30'000; ++i)
    tensors.tensors["n." + std::to_string(i) + ".x"] = make_tensor({1}, std::vector<float>{1});
  const InspectedModule large = module_tree(tensors, "n.");
  EXPECT_EQ(large.modules.size(), 30'000u);
  EXPECT_EQ(large.modules.back().name, "29999");
}

TEST(Inspect, ModulesAddUp) {
  const auto info = inspect(testing::tiny_model_path());
  const InspectedModule& text = info.parts[2].modules;
  EXPECT_EQ(text.name, "cond_stage_model.transformer");
  // Tokens and positions, three layers of norms, attention and MLP, the final norm: width 64.
  EXPECT_EQ(
      text.parameters,
      (49408 + 77) * 64 + 3 * (4 * (64 * 64 + 64) + 2 * 64 * 256 + 256 + 64 + 4 * 64) + 2 * 64);
  for (const InspectedPart& part : info.parts) {
    std::set<std::string> tensors;
    const std::function<void(const InspectedModule&, const std::string&)> check =
        [&](const InspectedModule& module, const std::string& path) {
          int64_t count = 0, parameters = 0, bytes = 0, of_types = 0;
          for (const InspectedModule& below : module.modules) {
            check(below, path + "." + below.name);
            count += below.tensors;
            parameters += below.parameters;
            bytes += below.bytes;
          }
          for (const InspectedTensor& tensor : module.own) {
            EXPECT_TRUE(tensors.insert(path + "." + tensor.name).second);
            int64_t values = 1;
            for (const int64_t side : tensor.shape) values *= side;
            ++count;
            parameters += values;
            bytes += tensor.bytes;
            EXPECT_EQ(tensor.bytes, 2 * values) << tensor.dtype;
          }
          for (const auto& [dtype, of_type] : module.dtypes) of_types += of_type;
          EXPECT_EQ(module.tensors, count) << path;
          EXPECT_EQ(module.parameters, parameters) << path;
          EXPECT_EQ(module.bytes, bytes) << path;
          EXPECT_EQ(of_types, parameters) << path;
        };
    check(part.modules, part.modules.name);
    EXPECT_EQ(static_cast<int64_t>(tensors.size()), part.tensors);
  }
  // Numbers by value: 2 before 10.
  const auto& blocks = info.parts[0].modules.modules[0];
  ASSERT_EQ(blocks.name, "input_blocks");
  ASSERT_EQ(blocks.modules.size(), 12u);
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(blocks.modules[i].name, std::to_string(i));
}

TEST(Inspect, NamesOfAllDotsAreNoStack) {
  NamedTensors tensors;
  std::string name = "part.";
  for (int i = 0; i < 100'000; ++i) name += "a.";
  tensors.tensors[name + "weight"] = Tensor({DType::f32, {1}});
  const InspectedModule tree = module_tree(tensors, "part.");
  const InspectedModule* last = &tree;
  int levels = 0;
  for (; !last->modules.empty(); ++levels) last = &last->modules[0];
  EXPECT_LT(levels, 100);
  EXPECT_EQ(last->own.size(), 1u);
  EXPECT_EQ(tree.parameters, 1);
}

TEST(Inspect, BlocksAndWhatLiesInThem) {
  EXPECT_EQ(block_of("model.diffusion_model.input_blocks.4.1.proj_in.weight"),
            "model.diffusion_model.input_blocks.4");
  EXPECT_EQ(block_of("first_stage_model.quant_conv.weight"), "first_stage_model.quant_conv");
  EXPECT_EQ(block_of("first_stage_model.decoder.mid.block_1.conv1.bias"),
            "first_stage_model.decoder.mid.block_1.conv1");
  EXPECT_EQ(block_of("alphas"), "alphas");
  EXPECT_EQ(block_of("layers.12"), "layers.12");
  EXPECT_EQ(block_of(""), "");
  EXPECT_TRUE(lies_in("a.b.1.c", "a.b"));
  EXPECT_TRUE(lies_in("a.b", "a.b"));
  EXPECT_TRUE(lies_in("a.b", ""));
  EXPECT_FALSE(lies_in("a.b.10", "a.b.1"));
  EXPECT_FALSE(lies_in("a", "a.b"));
}

TEST(Inspect, SaysWhatIsMissing) {
  const auto merged = inspect(data("checkpoint/merged.pth"));
  EXPECT_EQ(merged.layout, "PyTorch zip");
  EXPECT_EQ(merged.parts.size(), 4u);
  EXPECT_TRUE(merged.has_schedule);
  EXPECT_EQ(merged.other_tensors, 4);  // the schedule's and position_ids
  for (const auto& part : merged.parts) EXPECT_FALSE(part.problems.empty()) << part.name;

  const auto control = inspect(data("checkpoint/small/controlnet"));
  ASSERT_EQ(control.parts.size(), 1u);
  EXPECT_TRUE(control.parts[0].problems.empty());
  EXPECT_EQ(control.missing_parts, (std::vector<std::string>{"UNet", "VAE", "text encoder"}));
  EXPECT_TRUE(control.metadata.contains("controlnet/config.json"));
  EXPECT_FALSE(inspect(data("checkpoint/folder")).has_tokenizer);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"nowhere"}, [] { inspect("nowhere"); }));
}

}  // namespace
}  // namespace drypoint

#include "drypoint/inspect.h"

#include "drypoint/error.h"
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

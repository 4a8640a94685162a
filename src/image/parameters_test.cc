#include "drypoint/parameters.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

Parameters full() {
  Parameters p;
  p.prompt = "a bird, best quality\nsecond line: \"quoted\", ü 鳥";
  p.negative_prompt = "longbody, lowres\nbad hands";
  p.steps = 30;
  p.cfg_scale = 7.5;
  p.seed = 18446744073709551615u;
  p.width = 384, p.height = 256;
  p.model_hash = "abc1234567";
  p.model = "my, odd: \"model\"\nname";
  p.eta = 0.25;
  p.rng = "CPU";
  p.sampler = "DPM++ 2M";
  p.schedule_type = "Karras";
  p.controls.resize(2);
  p.controls[0].model = "control_sd15_canny [d14c016b]";
  p.controls[0].weight = 0.8;
  p.controls[0].control_mode = "ControlNet is more important";
  p.controls[1].model = "a, b: c";
  p.controls[1].pixel_perfect = true;
  p.controls[1].threshold_b = 150.5;
  p.others = {{"Clip skip", "2"}, {"Hires prompt", "x, y"}};
  p.version = "drypoint 0.1.0";
  return p;
}

TEST(Parameters, AreWrittenAsTheWebUiWritesThem) {
  Parameters p;
  p.prompt = "a bird";
  p.negative_prompt = "lowres";
  p.cfg_scale = 9;
  p.seed = 2946901;
  p.model = "sd15";
  p.controls.resize(1);
  p.controls[0].model = "control_v11p_sd15_canny [d14c016b]";
  p.version = "drypoint 0.1.0";
  EXPECT_EQ(format_parameters(p),
            "a bird\nNegative prompt: lowres\n"
            "Steps: 20, Sampler: DDIM, CFG scale: 9, Seed: 2946901, Size: 512x512, Model: sd15, "
            "ControlNet 0: \"Module: canny, Model: control_v11p_sd15_canny [d14c016b], "
            "Weight: 1.0, Resize Mode: Crop and Resize, Processor Res: 512, Threshold A: 100.0, "
            "Threshold B: 200.0, Guidance Start: 0.0, Guidance End: 1.0, Pixel Perfect: False, "
            "Control Mode: Balanced\", Version: drypoint 0.1.0");
}

TEST(Parameters, ComeBackAsTheyWere) {
  EXPECT_EQ(parse_parameters(format_parameters(full())), full());
  Parameters bare;
  EXPECT_EQ(parse_parameters(format_parameters(bare)), bare);
  bare.negative_prompt = "only this";
  EXPECT_EQ(parse_parameters(format_parameters(bare)), bare);
}

TEST(Parameters, OfOtherToolsAreRead) {
  const Parameters p = parse_parameters(
      "prompt\r\nNegative prompt: ugly\r\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, "
      "CFG scale: 7, Seed: 1, Size: 512x768, Model hash: abc1234567, Model: name, "
      "Denoising strength: 0.7, Clip skip: 2, ControlNet 0: \"Module: canny, Model: c "
      "[d14c016b], Weight: 0.5, Threshold A: 50\", Version: v1.10.1");
  EXPECT_EQ(p.prompt, "prompt");
  EXPECT_EQ(p.negative_prompt, "ugly");
  EXPECT_EQ(p.sampler, "DPM++ 2M");
  EXPECT_EQ(p.height, 768);
  EXPECT_EQ(p.version, "v1.10.1");
  ASSERT_EQ(p.controls.size(), 1u);
  EXPECT_EQ(p.controls[0].weight, 0.5);
  EXPECT_EQ(p.controls[0].threshold_a, 50);
  EXPECT_EQ(p.schedule_type, "Karras");
  ASSERT_EQ(p.others.size(), 2u);
  EXPECT_EQ(p.others[1].second, "2");
}

TEST(Parameters, ThatAreNoneArePrompt) {
  EXPECT_EQ(parse_parameters("a: b, c: d").prompt, "a: b, c: d");
  EXPECT_EQ(parse_parameters("one\ntwo").prompt, "one\ntwo");
  EXPECT_EQ(parse_parameters(""), Parameters());
  std::string endless = "Steps: 20";
  while (endless.size() <= 100'000) endless += ", A: 1";
  EXPECT_EQ(parse_parameters(endless).prompt, endless);
  const Parameters odd = parse_parameters("p\nSteps: 20x, Seed: -1, Size: 5, ControlNet 0: \"\\");
  EXPECT_EQ(odd.steps, 20);
  EXPECT_EQ(odd.seed, 0u);
  EXPECT_EQ(odd.controls.size(), 1u);
}

}  // namespace
}  // namespace drypoint

#include "drypoint/recall.h"

#include "base/file.h"
#include "diffusion/parameters_of.h"
#include "diffusion/request/controls.h"
#include "diffusion/request/request.h"
#include "drypoint/fields.h"
#include "support/recalled.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::misses;
using testing::request_of;

Recalled of_text(const std::string& text) { return recall({text, ""}, "a.png"); }
Recalled of_settings(const std::string& settings) {
  return of_text("a bird\nSteps: 8, Sampler: Euler, " + settings + ", Version: v1.10.1");
}

TEST(Recall, TheWebUisSettings) {
  const Recalled recalled = recall(read_picture_text(testing::data("recall/a1111.png")), "a.png");
  EXPECT_EQ(recalled.source, Recalled::Source::a1111);
  const Request request = request_of(recalled);
  EXPECT_EQ(request.prompt, "a (red:1.2) bird, best quality\non a branch");
  EXPECT_EQ(request.added_prompt, "");
  EXPECT_EQ(request.negative_prompt, "lowres, \"ugly\"");
  EXPECT_EQ(request.parser, ParserKind::a1111);
  EXPECT_EQ(request.compat, CompatKind::a1111);
  EXPECT_EQ(request.steps, 8);
  EXPECT_EQ(request.sampler, "DPM++ 2M SDE");
  EXPECT_EQ(request.schedule, ScheduleKind::karras);
  EXPECT_EQ(request.guidance_scale, 7.5);
  EXPECT_EQ(request.seed, 965400086u);
  EXPECT_EQ(request.size, (ImageSize{64, 64}));
  EXPECT_EQ(request.clip_skip, 2);
  EXPECT_EQ(request.ensd, 31337);
  EXPECT_EQ(request.random.kind, RandomKind::cpu);
  EXPECT_EQ(request.strength, 0.8);
  EXPECT_EQ(request.low_threshold, 50);
  EXPECT_EQ(request.high_threshold, 150);
  EXPECT_TRUE(recalled.notices.empty());
}

TEST(Recall, SamplersOfEveryVersionOfTheWebUi) {
  const auto asks = [](const std::string& settings) {
    const Request request = request_of(
        of_text("a bird\nSteps: 8, " + settings + ", CFG scale: 7, Seed: 1, Size: 64x64"));
    return std::pair(request.sampler, request.schedule);
  };
  using enum ScheduleKind;
  using Choice = std::pair<std::string, ScheduleKind>;
  EXPECT_EQ(asks("Sampler: DPM++ 2M Karras"), Choice("DPM++ 2M Karras", automatic));
  EXPECT_EQ(asks("Sampler: DPM++ 2M"), Choice("DPM++ 2M", uniform));
  EXPECT_EQ(asks("Sampler: DPM++ 2M, Schedule type: Automatic"), Choice("DPM++ 2M", automatic));
  EXPECT_EQ(asks("Sampler: Euler a, Schedule type: SGM Uniform"), Choice("Euler a", sgm_uniform));
  EXPECT_EQ(asks("Sampler: DPM++ 3M SDE Exponential"),
            Choice("DPM++ 3M SDE Exponential", automatic));
  EXPECT_EQ(asks("Sampler: DDIM"), Choice("DDIM", automatic));
  EXPECT_EQ(asks("Sampler: Restart"), Choice("Restart", automatic));
}

TEST(Recall, NoiseOfTheWebUi) {
  const Request request =
      request_of(of_settings("Seed: 5, Size: 64x128, Variation seed: 9, Variation seed strength: "
                             "0.25, Seed resize from: 512x768, ENSD: -3, Eta: 0.5, "
                             "Sigma churn: 0.5"));
  EXPECT_EQ(request.random.kind, RandomKind::cuda);  // where nothing is said
  EXPECT_EQ(request.size, (ImageSize{64, 128}));
  EXPECT_EQ(request.subseed, 9u);
  EXPECT_EQ(request.subseed_strength, 0.25);
  EXPECT_EQ(request.seed_resize, (ImageSize{512, 768}));
  EXPECT_EQ(request.ensd, -3);
  EXPECT_EQ(request.eta, 0.5);
  EXPECT_EQ(request.s_churn, 0.5);
  EXPECT_EQ(request_of(of_settings("RNG: NV")).random.kind, RandomKind::nv);
}

TEST(Recall, ControlNetsOfOlderVersions) {
  const Recalled recalled = of_settings(
      "ControlNet 0: \"preprocessor: canny, model: control_v11p_sd15_canny [d14c016b], weight: "
      "0.5, "
      "starting/ending: (0, 1), resize mode: Crop and Resize, pixel perfect: True, control mode: "
      "ControlNet is more important, preprocessor params: (512, 30, 90)\"");
  const Request request = request_of(recalled);
  EXPECT_EQ(request.strength, 0.5);
  EXPECT_TRUE(request.guess_mode);
  EXPECT_EQ(request.low_threshold, 30);
  EXPECT_EQ(request.high_threshold, 90);
  EXPECT_EQ(recalled.parameters.controls[0].model, "control_v11p_sd15_canny [d14c016b]");
}

TEST(Recall, SeveralControlNetsOfTheWebUis) {
  const Recalled recalled = of_settings(
      "Size: 512x768, ControlNet 0: \"Module: canny, Model: control_v11p_sd15_canny [d14c016b], "
      "Weight: 0.5, Resize Mode: Just Resize, Processor Res: 256, Threshold A: 30.0, Threshold B: "
      "-1.0, Guidance Start: 0.0, Guidance End: 0.8, Pixel Perfect: False, Control Mode: My prompt "
      "is more important, Hr Option: Both\", ControlNet 1: \"Module: invert (from white bg & black "
      "line), Model: control_v11p_sd15_lineart [43d4be0d], Weight: 1.2, Guidance Start: 0.25, "
      "Pixel "
      "Perfect: True\", ControlNet 2: \"Module: depth_leres, Model: d [12345678]\"");
  const std::vector<Control> controls = request_of(recalled).controls;
  ASSERT_EQ(controls.size(), 3u);
  EXPECT_EQ(controls[0].preprocessor, "canny");
  EXPECT_EQ(controls[0].weight, 0.5);
  EXPECT_EQ(controls[0].resize, ResizeMode::stretch);
  EXPECT_EQ(controls[0].resolution, 256);
  EXPECT_EQ(controls[0].threshold_a, 30);
  EXPECT_EQ(controls[0].threshold_b, std::nullopt);
  EXPECT_EQ(controls[0].end, 0.8);
  EXPECT_EQ(controls[0].mode, ControlMode::prompt);
  EXPECT_EQ(controls[1].preprocessor, "invert");
  EXPECT_EQ(controls[1].start, 0.25);
  EXPECT_EQ(controls[1].resolution, 0);
  EXPECT_EQ(controls[2].preprocessor, "none");
  ASSERT_EQ(recalled.notices.size(), 1u);
  EXPECT_NE(recalled.notices[0].find("depth_leres"), std::string::npos);

  // Which of a model's they are: by hash, by file, by name.
  const ModelDescription loaded{.model = "m",
                                .control = "x.safetensors",
                                .controls = {{"lineart", "x.safetensors"},
                                             {"edges", "control_v11p_sd15_canny.pth"},
                                             {"depth", "y.safetensors"}},
                                .control_hashes = {"", "", "12345678"}};
  Recalled named = recalled;
  named.name_controls(loaded, "a.png");
  EXPECT_EQ(named.controls[0].name, "edges");
  EXPECT_EQ(named.controls[1].name, "lineart");
  EXPECT_EQ(named.controls[2].name, "depth");
  named = recalled;
  EXPECT_TRUE(fails_with(
      ErrorKind::unsupported, {"a.png", "ControlNet 2: d [12345678]", "expected control"}, [&] {
        named.name_controls(
            {.controls = {{"lineart", "x"}, {"canny", "y"}}, .control_hashes = {"", ""}}, "a.png");
      }));
  // A single one that is not the model's first.
  Recalled single =
      of_settings("ControlNet 0: \"Module: canny, Model: d [12345678], Weight: 0.5\"");
  EXPECT_EQ(request_of(single).strength, 0.5);
  single.name_controls(loaded, "a.png");
  ASSERT_EQ(single.controls.size(), 1u);
  EXPECT_EQ(single.controls[0].name, "depth");
  EXPECT_EQ(single.controls[0].weight, 0.5);
  EXPECT_EQ(request_of(single).strength, 1);
  // One that is not there is drawn with what is, and said.
  Recalled other = of_settings("ControlNet 0: \"Module: canny, Model: e [00000000]\"");
  other.name_controls(loaded, "a.png");
  ASSERT_EQ(other.notices.size(), 1u);
  EXPECT_NE(other.notices[0].find("drawn with e, this is x"), std::string::npos);
}

TEST(Recall, APictureFromAPictureNeedsIt) {
  const auto given = [](const Recalled& recalled, const std::vector<std::string>& names) {
    recalled.expect_complete("a.png", names);
    Request request;
    recalled.apply(request);
    return request;
  };
  const Recalled plain = of_settings("Denoising strength: 0.6, Init image hash: 0123");
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"Denoising strength: 0.6", "expected init"},
                         [&] { plain.expect_complete("a.png"); }));
  EXPECT_EQ(given(plain, {"init"}).denoising_strength, 0.6);
  EXPECT_EQ(given(plain, {"init"}).painting_rule, PaintingRule::a1111);
  const Recalled masked = of_settings(
      "Denoising strength: 1.0, Mask blur: 8, Inpaint area: Only masked, Masked area padding: 16, "
      "Masked content: latent noise");
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"expected init", "expected mask"},
                         [&] { masked.expect_complete("a.png"); }));
  const Request request = given(masked, {"init", "mask"});
  EXPECT_EQ(request.mask_blur, 8);
  EXPECT_TRUE(request.only_masked);
  EXPECT_EQ(request.mask_padding, 16);
  EXPECT_EQ(request.inpaint_fill, InpaintFill::latent_noise);
  EXPECT_TRUE(misses(of_settings("Denoising strength: 0.6, Mask mode: Inpaint not masked"),
                     "black where it was drawn as white"));
}

TEST(Recall, SecondPasses) {
  const Recalled recalled = of_settings(
      "CFG scale: 7, Size: 512x768, Denoising strength: 0.7, Hires upscale: 1.5, Hires steps: 10, "
      "Hires upscaler: Latent (nearest-exact), Hires sampler: Use same sampler, Hires CFG Scale: "
      "7");
  const Request request = request_of(recalled);
  EXPECT_EQ(request.denoising_strength, 0.7);
  EXPECT_EQ(request.hires_scale, 1.5);
  EXPECT_EQ(request.hires_steps, 10);
  EXPECT_EQ(request.hires_upscaler, HiresUpscaler::latent_nearest_exact);
  EXPECT_EQ(request_of(of_settings("Size: 512x768, Denoising strength: 0.7, Hires resize: "
                                   "1024x1536, Hires upscaler: Lanczos"))
                .hires_scale,
            2);
  const auto second = [](const std::string& settings) {
    return of_settings("Size: 512x768, Denoising strength: 0.7, Hires upscale: 2, " + settings);
  };
  EXPECT_TRUE(misses(second("Hires upscaler: R-ESRGAN 4x+"), "R-ESRGAN 4x+"));
  EXPECT_TRUE(misses(second("Hires sampler: Heun"), "Hires sampler: Heun"));
  EXPECT_TRUE(misses(second("Hires prompt: a cat"), "Hires prompt: a cat"));
  EXPECT_TRUE(misses(second("Hires checkpoint: b"), "Hires checkpoint: b"));
  EXPECT_TRUE(misses(of_settings("Size: 512x768, Denoising strength: 0.7, Hires resize: 1024x1024"),
                     "other proportions than 512x768"));
}

TEST(Recall, WhatCannotBeHadIsNamed) {
  EXPECT_TRUE(misses(of_settings("Some Extension: on"), "Some Extension: on: what it does"));
  EXPECT_TRUE(misses(of_settings("Tiling: True"), "Tiling"));
  EXPECT_TRUE(misses(of_settings("RNG: XPU"), "RNG: XPU, expected CPU"));
  EXPECT_TRUE(misses(of_settings("ControlNet 0: \"Module: canny, Control Mode: Mine\""),
                     "ControlNet 0: Control Mode: Mine, expected one of Balanced"));
  EXPECT_TRUE(misses(of_settings("ControlNet 0: \"Module: canny, Guidance End: 1.5\""),
                     "Guidance End: end: 1.5"));
  EXPECT_TRUE(misses(of_settings("ControlNet 0: \"Module: canny, Effective Region Mask: m\""),
                     "Effective Region Mask: m"));
  // What has no effect, or is off, passes.
  EXPECT_TRUE(
      of_settings("Lora hashes: \"a: 1234\", TI hashes: \"b: 5678\", Tiling: False, User: me, "
                  "Denoising strength: 0, Model hash: abc")
          .missing.empty());
  // Who sets it in another way can do without.
  const Recalled fast = of_text("a bird\nSteps: 8, Sampler: DPM fast, Seed: 1, Size: 64x64");
  EXPECT_TRUE(misses(fast, "DPM fast"));
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"a.png", "Sampler: ", "DPM fast"},
                         [&] { fast.expect_complete("a.png"); }));
  fast.expect_complete("a.png", {"sampler"});
  const Recalled steps = of_text("a bird\nSteps: 5000, Sampler: Euler, Seed: 1, Size: 63x64");
  EXPECT_TRUE(misses(steps, "Steps: steps: 5000"));
  EXPECT_TRUE(misses(steps, "Size: size: 64x63"));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"a.png", "no text"}, [] { recall({}, "a.png"); }));
}

const ModelDescription model{.model = "m",
                             .control = "c",
                             .controls = {{"canny", "c"}},
                             .device = "cpu",
                             .threads = 1,
                             .control_hashes = {""}};

/// What the request's own picture steers as.
Unit own_unit(const Request& request) {
  Request asked = request;
  if (asked.image == Image()) asked.image = {64, 64, 3, {}};
  return {.settings = asked_controls(asked).at(0).settings};
}

/// All that a text may say, as a control too: each field has a value that is not the default, or a
/// reason for which none comes back.
TEST(Recall, EveryFieldComesBack) {
  const std::map<std::string, std::string> values{{"prompt", "a (red:1.2) bird"},
                                                  {"negative_prompt", "grey"},
                                                  {"parser", "a1111"},
                                                  {"emphasis", "No norm"},
                                                  {"clip_skip", "2"},
                                                  {"comma_backtrack", "3"},
                                                  {"resolution", "320"},
                                                  {"steps", "9"},
                                                  {"sampler", "Euler a"},
                                                  {"schedule", "karras"},
                                                  {"timesteps", "900,500.5"},
                                                  {"sigmas", "14.5,2,0"},
                                                  {"solver_order", "1"},
                                                  {"solver_type", "heun"},
                                                  {"lower_order_final", "last"},
                                                  {"first_noise", "whole"},
                                                  {"compat", "comfy"},
                                                  {"guidance_scale", "3.5"},
                                                  {"guidance_rescale", "0.7"},
                                                  {"guidance_start", "0.25"},
                                                  {"guidance_end", "0.75"},
                                                  {"strength", "0.4"},
                                                  {"guess_mode", "true"},
                                                  {"rng", "cuda:108x2048"},
                                                  {"noise", "per-sample"},
                                                  {"ensd", "-5"},
                                                  {"subseed", "12"},
                                                  {"subseed_strength", "0.5"},
                                                  {"seed_resize", "256x512"},
                                                  {"eta", "0.5"},
                                                  {"s_churn", "0.5"},
                                                  {"s_tmin", "0.5"},
                                                  {"s_tmax", "5"},
                                                  {"s_noise", "1.5"},
                                                  {"low_threshold", "20"},
                                                  {"high_threshold", "90"},
                                                  {"denoising_strength", "0.5"},
                                                  {"painting_rule", "diffusers"},
                                                  {"resize_mode", "crop"},
                                                  {"mask_blur", "0"},
                                                  {"inpaint_fill", "latent-nothing"},
                                                  {"only_masked", "true"},
                                                  {"mask_padding", "8"},
                                                  {"paste_kept", "on"},
                                                  {"soft_inpainting", "true"},
                                                  {"soft_schedule_bias", "1.5"},
                                                  {"soft_preservation_strength", "2"},
                                                  {"soft_transition_contrast_boost", "8"},
                                                  {"soft_mask_influence", "0.25"},
                                                  {"soft_difference_threshold", "4"},
                                                  {"soft_difference_contrast", "3"},
                                                  {"outpaint", "1,2,3,4"},
                                                  {"hires_scale", "1.5"},
                                                  {"hires_upscaler", "latent-bicubic"},
                                                  {"hires_steps", "7"},
                                                  {"tile", "512"},
                                                  {"vae_tile", "256"}};
  const std::map<std::string, std::string> otherwise{
      {"added_prompt", "is part of the prompt"},
      {"lora", "is called by the prompt"},
      {"samples", "noise of several that is not one draw is that of single pictures"},
      {"size", "always there"},
      {"seed", "always there"}};
  const Image picture{64, 128, 3, std::vector<uint8_t>(size_t{64} * 128 * 3)};
  for (const auto& field : request_fields()) {
    const auto value = values.find(field.name);
    ASSERT_NE(value == values.end(), otherwise.find(field.name) == otherwise.end()) << field.name;
    if (value == values.end()) continue;
    Request asked{.prompt = "a bird", .added_prompt = "", .image = picture};
    if (field.name.starts_with("hires")) asked.hires_scale = 2;
    const bool paints = is_of_painting(field) && !field.name.starts_with("hires");
    if (paints) asked.init_image = asked.mask = picture;
    if (field.name == "mask_padding") asked.only_masked = true;
    if (field.name.starts_with("soft_")) asked.soft_inpainting = true;
    if (field.name == "subseed") asked.subseed_strength = 0.25;
    field.set(asked, value->second);
    if (field.name != "resolution") asked.size = {64, 128};
    const std::string text = format_parameters(
        parameters_of(asked, std::vector{own_unit(asked)}, model, {64, 128}, 7, 0));
    const Recalled recalled = of_text(text);
    recalled.expect_complete("a.png", {"init", "mask"});
    EXPECT_EQ(misses(recalled, "expected init"), paints) << field.name;
    EXPECT_EQ(misses(recalled, "expected mask"), paints) << field.name;
    Request request;
    recalled.apply(request);
    EXPECT_EQ(field.get(request), value->second) << text;
  }
}

TEST(Recall, EveryFieldOfAControlComesBack) {
  Control first, second;
  first.preprocessor = "scribble_xdog";
  first.threshold_a = 20;
  first.resize = ResizeMode::fill;
  first.resolution = 128;
  first.weight = 0.3;
  first.start = 0.1;
  first.end = 0.6;
  first.mode = ControlMode::prompt;
  second.preprocessor = "none";
  second.layer_weights = std::vector<double>(13, 0.5);
  second.mode = ControlMode::control;
  ModelDescription two = model;
  two.controls = {{"canny", "c.pth"}, {"scribble", "s.pth"}};
  two.control_hashes = {"", "01234567"};
  first.name = "scribble", second.name = "canny";
  for (const ImageSize size : {ImageSize{64, 128}, ImageSize()}) {
    Request asked{.prompt = "a bird", .size = size};
    asked.controls = {first, second};
    const std::vector<Unit> units{{.settings = first, .net = 1}, {.settings = second, .net = 0}};
    Recalled recalled =
        of_text(format_parameters(parameters_of(asked, units, two, {64, 128}, 7, 0)));
    recalled.name_controls(two, "a.png");
    const Request request = request_of(recalled);
    EXPECT_EQ(request.size, size);
    ASSERT_EQ(request.controls.size(), 2u);
    for (size_t i = 0; i < 2; ++i)
      for (const auto& field : control_fields())
        EXPECT_EQ(field.get(request.controls[i]), field.get(asked.controls[i])) << field.name;
  }
}

TEST(Recall, AdaptersOfAPlainPromptComeBack) {
  Request asked{.prompt = "a <lora:x:1> bird", .parser = ParserKind::plain};
  asked.loras = {{"folder/ink.safetensors", 0.5, 0.25, {}}, {"b", 1, {}, {}}};
  const Request request =
      request_of(of_text(format_parameters(parameters_of(asked, {}, model, {64, 64}, 7, 0))));
  EXPECT_EQ(request.prompt, full_prompt(asked));
  ASSERT_EQ(request.loras.size(), 2u);
  EXPECT_EQ(request.loras[0], (AdapterUse{"ink", 0.5, 0.25, {}}));
  EXPECT_EQ(request.loras[1].file, "b");
}

TEST(Recall, OurOwnTextsComeBack) {
  const auto round_trip = [](Request asked) {
    asked.seed = 7;
    asked.image = {128, 64, 3, {}};
    asked.is_edges = true;
    const std::string text = format_parameters(
        parameters_of(asked, std::vector{own_unit(asked)}, model, {128, 64}, 7, 0, "0123456789"));
    const Recalled recalled = of_text(text);
    EXPECT_EQ(recalled.source, Recalled::Source::drypoint);
    Request request = request_of(recalled);
    ASSERT_EQ(request.controls.size(), 1u);  // ready edges
    EXPECT_EQ(request.controls[0].preprocessor, "none");
    EXPECT_EQ(request.controls[0].weight, asked.strength);
    EXPECT_EQ(request.controls[0].mode == ControlMode::control, asked.guess_mode);
    request.controls.clear();
    request.strength = asked.strength, request.guess_mode = asked.guess_mode;
    EXPECT_EQ(request.prompt, asked.prompt + ", " + asked.added_prompt);
    request.prompt = asked.prompt, request.added_prompt = asked.added_prompt;
    EXPECT_EQ(request.size, (ImageSize{128, 64}));
    request.size = asked.size;
    // A sampler's own values are not written.
    if (request.schedule != asked.schedule) request.schedule = asked.schedule;
    EXPECT_EQ(to_json(request), to_json(asked)) << text;
  };
  round_trip({});
  Request request{.prompt = "a bird"};
  request.steps = 33;
  request.sampler = "DPM++ 2M SDE";
  request.schedule = ScheduleKind::karras;
  request.compat = CompatKind::a1111;
  request.random.kind = RandomKind::nv;
  request.ensd = 31337;
  request.subseed = 3;
  request.subseed_strength = 0.5;
  request.seed_resize = {512, 256};
  request.eta = 0.75;
  request.s_noise = 1.25;
  round_trip(request);
  request = {.prompt = "a bird, \"quoted\": yes", .negative_prompt = "a, b: c"};
  request.parser = ParserKind::plain;
  request.emphasis = EmphasisKind::no_norm;
  request.clip_skip = 3;
  request.comma_backtrack = 5;
  request.schedule = ScheduleKind::official;
  request.random = {RandomKind::cuda, 108, 2048};
  request.eta = 0.5;
  request.guess_mode = true;
  request.strength = 0.7;
  round_trip(request);
  request = {.prompt = "a bird", .samples = 3};
  round_trip(request);
  request = {.prompt = "a bird", .noise = NoiseKind::per_sample};
  round_trip(request);
}

TEST(Recall, OurSizeIsByTheShorterSideWhereItWas) {
  Request asked{.prompt = "a bird"};
  asked.resolution = 320;
  const auto recalled = [&] {
    Request request;
    of_text(format_parameters(
                parameters_of(asked, std::vector{own_unit(asked)}, model, {448, 320}, 7, 0)))
        .apply(request);
    return request;
  };
  EXPECT_EQ(recalled().resolution, 320);
  EXPECT_EQ(recalled().size, ImageSize());
  asked.size = {448, 320};
  EXPECT_EQ(recalled().size, (ImageSize{448, 320}));
}

TEST(Recall, AnotherModelIsNoticed) {
  Parameters text;
  text.model = "bird-v1";
  text.model_hash = "45dee52b0a";
  EXPECT_EQ(other_model_notice(text, "bird", "45dee52b0a"), "");  // renamed
  EXPECT_NE(other_model_notice(text, "bird-v1", "0000000000").find("bird-v1 [45dee52b0a]"),
            std::string::npos);
  EXPECT_EQ(other_model_notice(text, "bird-v1", ""), "");
  EXPECT_NE(other_model_notice(text, "cat", ""), "");
  text.model_hash = "45dee52b";  // the older, shorter hash tells nothing here
  EXPECT_EQ(other_model_notice(text, "bird-v1", "0000000000"), "");
  EXPECT_EQ(other_model_notice({}, "cat", "0000000000"), "");
}

}  // namespace
}  // namespace drypoint

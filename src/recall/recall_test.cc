#include "drypoint/recall.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "diffusion/controls.h"
#include "diffusion/parameters_of.h"
#include "drypoint/fields.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;
using testing::fails_with;

Recalled of_text(const std::string& text) { return recall({text, ""}, "a.png"); }
Recalled of_settings(const std::string& settings) {
  return of_text("a bird\nSteps: 8, Sampler: Euler, " + settings + ", Version: v1.10.1");
}
Recalled of_graph(const json& graph) { return recall({"", graph.dump()}, "a.png"); }
json usual_graph() { return json::parse(read_file(testing::data("recall/comfy.json"))); }

Request request_of(const Recalled& recalled) {
  recalled.expect_complete("a.png");
  Request request;
  recalled.apply(request);
  return request;
}
bool misses(const Recalled& recalled, const std::string& part) {
  for (const auto& missing : recalled.missing)
    if (missing.what.find(part) != std::string::npos) return true;
  return false;
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

TEST(Recall, WhatCannotBeHadIsNamed) {
  EXPECT_TRUE(misses(of_settings("Hires upscale: 2, Hires upscaler: Latent"), "Hires upscale: 2"));
  EXPECT_TRUE(misses(of_settings("Denoising strength: 0.7"), "drawn from another picture"));
  EXPECT_TRUE(misses(of_settings("Some Extension: on"), "Some Extension: on: what it does"));
  EXPECT_TRUE(misses(of_settings("Tiling: True"), "Tiling"));
  EXPECT_TRUE(misses(of_settings("RNG: XPU"), "RNG: XPU, expected CPU"));
  EXPECT_TRUE(misses(of_settings("ControlNet 0: \"Module: canny, Control Mode: My prompt is more "
                                 "important\""),
                     "Control Mode: My prompt"));
  EXPECT_TRUE(misses(of_settings("ControlNet 0: \"Module: canny, Guidance End: 0.5\""),
                     "Guidance End: 0.5"));
  EXPECT_TRUE(misses(of_settings("ControlNet 0: \"Module: canny\", ControlNet 1: \"Module: depth, "
                                 "Model: d [12345678]\""),
                     "ControlNet 1: d"));
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

TEST(Recall, ComfyUisUsualGraph) {
  const Recalled recalled = of_graph(usual_graph());
  EXPECT_EQ(recalled.source, Recalled::Source::comfy);
  const Request request = request_of(recalled);
  EXPECT_EQ(request.prompt, "beautiful scenery nature glass bottle landscape");
  EXPECT_EQ(request.negative_prompt, "text, watermark");
  EXPECT_EQ(request.seed, 156680208700286u);
  EXPECT_EQ(request.steps, 8);
  EXPECT_EQ(request.guidance_scale, 8);
  EXPECT_EQ(request.sampler, "euler");
  EXPECT_EQ(request.schedule, ScheduleKind::uniform);
  EXPECT_EQ(request.compat, CompatKind::comfy);
  EXPECT_EQ(request.size, (ImageSize{64, 128}));
  EXPECT_EQ(request.clip_skip, 2);
  EXPECT_EQ(request.comma_backtrack, 0);
  EXPECT_EQ(request.strength, 0.9);
  EXPECT_EQ(recalled.parameters.model, "v1-5-pruned-emaonly");
  EXPECT_EQ(recalled.parameters.controls[0].model, "control_v11p_sd15_canny");
}

TEST(Recall, ComfyUisOtherNodesAreNamed) {
  const auto changed = [](const auto& change) {
    json graph = usual_graph();
    change(graph);
    return of_graph(graph);
  };
  EXPECT_TRUE(misses(changed([](json& g) { g["3"]["inputs"]["denoise"] = 0.5; }), "denoise: 0.5"));
  EXPECT_TRUE(misses(changed([](json& g) { g["5"]["class_type"] = "VAEEncode"; }), "VAEEncode"));
  EXPECT_TRUE(misses(changed([](json& g) { g["12"]["class_type"] = "FluxGuide"; }), "FluxGuide"));
  EXPECT_TRUE(misses(changed([](json& g) { g["6"]["class_type"] = "ConditioningCombine"; }),
                     "ConditioningCombine"));
  EXPECT_TRUE(misses(changed([](json& g) { g["10"]["inputs"]["end_percent"] = 0.5; }),
                     "Guidance End: 0.5"));
  EXPECT_TRUE(misses(changed([](json& g) {
                       g["3"]["inputs"]["negative"] = {"7", 0};
                     }),
                     "ControlNets of both prompts differ"));
  EXPECT_TRUE(misses(changed([](json& g) { g["6"]["inputs"]["text"] = "a (red:1.2) bird"; }),
                     "ComfyUI's weights"));
  EXPECT_TRUE(misses(changed([](json& g) { g["3"]["inputs"]["scheduler"] = "linear_quadratic"; }),
                     "linear_quadratic"));
  EXPECT_TRUE(misses(changed([](json& g) { g["3"]["inputs"]["seed"] = "x"; }), "seed: \"x\""));
  EXPECT_TRUE(misses(changed([](json& g) { g["8"]["inputs"]["vae"] = {"11", 0}; }), "the VAE's"));
  const Request plain = request_of(
      changed([](json& g) { g["6"]["inputs"]["text"] = "a [red] embedding:zorp bird \\(b\\)"; }));
  EXPECT_EQ(plain.prompt, "a [red] zorp bird \\(b\\)");
  EXPECT_EQ(plain.parser, ParserKind::plain);
  const Request lora = request_of(changed([](json& g) {
    g["20"] = {{"class_type", "LoraLoader"},
               {"inputs",
                {{"lora_name", "x/ink.safetensors"},
                 {"strength_model", 0.8},
                 {"strength_clip", 0.5},
                 {"model", {"4", 0}},
                 {"clip", {"4", 1}}}}};
    g["3"]["inputs"]["model"] = {"20", 0};
  }));
  EXPECT_TRUE(lora.prompt.ends_with(" <lora:ink:0.5:0.8>")) << lora.prompt;
  const Request batch = request_of(changed([](json& g) { g["5"]["inputs"]["batch_size"] = 3; }));
  EXPECT_EQ(batch.samples, 3);
  EXPECT_EQ(batch.noise, NoiseKind::batch);
  const Request linked = request_of(changed([](json& g) {
    g["30"] = {{"class_type", "PrimitiveInt"}, {"inputs", {{"value", 12}}}};
    g["3"]["inputs"]["steps"] = {"30", 0};
  }));
  EXPECT_EQ(linked.steps, 12);
}

TEST(Recall, HostileGraphsAreRefused) {
  const auto refused = [](const std::string& graph, const char* part,
                          ErrorKind kind = ErrorKind::bad_file) {
    return fails_with(kind, {"a.png", part}, [&] { recall({"", graph}, "a.png"); });
  };
  EXPECT_TRUE(refused("{", "no JSON object"));
  EXPECT_TRUE(refused("[]", "no JSON object"));
  EXPECT_TRUE(refused("{}", "0 nodes KSampler", ErrorKind::unsupported));
  EXPECT_TRUE(refused("{\"3\": 5}", "without a class"));
  EXPECT_TRUE(refused(std::string(100'000, '['), "no JSON object"));
  json graph = usual_graph();
  graph["3"]["inputs"]["model"] = {"99", 0};
  EXPECT_TRUE(refused(graph.dump(), "no node \"99\""));
  graph = usual_graph();
  graph["12"]["inputs"]["clip"] = {"12", 0};  // round in a circle
  EXPECT_TRUE(misses(of_graph(graph), "the text encoder's node"));
  graph["10"]["inputs"]["positive"] = {"10", 0};
  EXPECT_FALSE(of_graph(graph).missing.empty());
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

// Settings out of ComfyUI's graphs.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/recalled.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;
using testing::fails_with;
using testing::misses;
using testing::request_of;

Recalled of_graph(const json& graph) { return recall({"", graph.dump()}, "a.png"); }
json usual_graph() { return json::parse(read_file(testing::data("recall/comfy.json"))); }

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
  ASSERT_EQ(request.controls.size(), 1u);  // a hint as it is
  EXPECT_EQ(request.controls[0].weight, 0.9);
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
  EXPECT_TRUE(misses(changed([](json& g) { g["5"]["class_type"] = "VAEEncodeForInpaint"; }),
                     "VAEEncodeForInpaint"));
  EXPECT_TRUE(misses(changed([](json& g) { g["12"]["class_type"] = "FluxGuide"; }), "FluxGuide"));
  EXPECT_TRUE(misses(changed([](json& g) { g["6"]["class_type"] = "ConditioningCombine"; }),
                     "ConditioningCombine"));
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

TEST(Recall, ComfyUisPicturesFromPictures) {
  json graph = usual_graph();
  graph["10"]["inputs"]["end_percent"] = 0.5;
  graph["40"] = {{"class_type", "LoadImage"}, {"inputs", {{"image", "a.png"}}}};
  graph["41"] = {{"class_type", "VAEEncode"},
                 {"inputs", {{"pixels", {"40", 0}}, {"vae", {"4", 2}}}}};
  graph["3"]["inputs"]["latent_image"] = {"41", 0};
  graph["3"]["inputs"]["denoise"] = 0.5;
  const Recalled recalled = of_graph(graph);
  EXPECT_TRUE(misses(recalled, "expected init"));
  recalled.expect_complete("a.png", {"init"});
  Request request;
  recalled.apply(request);
  EXPECT_EQ(request.denoising_strength, 0.5);
  EXPECT_EQ(request.size, ImageSize());
  ASSERT_EQ(request.controls.size(), 1u);
  EXPECT_EQ(request.controls[0].end, 0.5);
  graph["40"] = {{"class_type", "ImageScale"},
                 {"inputs", {{"width", 128}, {"height", 64}, {"image", {"42", 0}}}}};
  request = {};
  of_graph(graph).apply(request);
  EXPECT_EQ(request.size, (ImageSize{128, 64}));
}

TEST(Recall, ComfyUisSecondPass) {
  json graph = usual_graph();
  graph["50"] = {{"class_type", "LatentUpscale"},
                 {"inputs",
                  {{"upscale_method", "nearest-exact"},
                   {"width", 128},
                   {"height", 256},
                   {"crop", "disabled"},
                   {"samples", {"3", 0}}}}};
  graph["51"] = graph["3"];
  graph["51"]["inputs"]["latent_image"] = {"50", 0};
  graph["51"]["inputs"]["denoise"] = 0.5;
  graph["51"]["inputs"]["steps"] = 14;
  graph["8"]["inputs"]["samples"] = {"51", 0};
  const Request request = request_of(of_graph(graph));
  EXPECT_EQ(request.size, (ImageSize{64, 128}));
  EXPECT_EQ(request.hires_scale, 2);
  EXPECT_EQ(request.hires_steps, 14);
  EXPECT_EQ(request.hires_upscaler, HiresUpscaler::latent_nearest_exact);
  EXPECT_EQ(request.denoising_strength, 0.5);
  graph["51"]["inputs"]["seed"] = 1;
  EXPECT_TRUE(misses(of_graph(graph), "KSampler: seed: 1 in the second pass"));
  graph["50"]["inputs"]["upscale_method"] = "bislerp";
  EXPECT_TRUE(misses(of_graph(graph), "bislerp"));
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

}  // namespace
}  // namespace drypoint

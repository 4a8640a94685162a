// Drawing from pictures and over a part of them, against diffusers' and k-diffusion's latents.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/first_latents.h"
#include "diffusion/model/autoencoding.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/request/sampling.h"
#include "diffusion/request/shape_key.h"
#include "golden/golden_test_base.h"
#include "golden/painting_run.h"
#include "golden/step_by_step.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;

std::filesystem::path file(const std::string& name) {
  return testing::data("golden2/image/" + name);
}

const NamedTensors& image_runs() {
  static const NamedTensors tensors = read_tensor_file(file("runs.safetensors")).tensors;
  return tensors;
}

std::vector<float> reference(const std::string& name) {
  const Tensor tensor = image_runs().at(name).to_f32();
  return {tensor.floats().begin(), tensor.floats().end()};
}

/// The tiny model with a UNet for inpainting.
const std::filesystem::path& inpainting_path() {
  static const testing::TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    NamedTensors model = read_tensor_file(testing::tiny_model_path()).tensors;
    const NamedTensors other = read_tensor_file(file("inpainting_conv_in.safetensors")).tensors;
    for (const auto& [name, tensor] : other.tensors) model.tensors[name] = tensor;
    const auto written = folder / "inpainting.safetensors";
    write_safetensors(written, model.tensors);
    return written;
  }();
  return path;
}

Pipeline& pipeline(bool inpainting) {
  static Pipeline usual(
      {.model = testing::tiny_model_path(), .control = testing::tiny_control_path()},
      testing::tested_device());
  if (!inpainting) return usual;
  static Pipeline other({.model = inpainting_path(), .control = testing::tiny_control_path()},
                        testing::tested_device());
  return other;
}

struct ImageCase {
  std::string name;
  json entry;
  bool inpaints() const { return entry.contains("unet") && !entry["unet"].is_null(); }
};

std::vector<ImageCase> image_cases() {
  std::vector<ImageCase> cases;
  for (const auto& entry : json::parse(read_file(file("cases.json"))))
    if (entry["name"] != "encode") cases.push_back({entry["name"], entry});
  return cases;
}

Request painting_request(const json& entry) {
  Request request;
  request.prompt = entry["prompt"];
  request.added_prompt = "";
  request.negative_prompt = entry["negative"];
  request.size = {entry["size"][1], entry["size"][0]};
  request.steps = entry["steps"];
  request.sampler = entry["sampler"];
  if (entry.contains("schedule"))
    request.schedule = schedule_named(entry["schedule"].get<std::string>());
  request.guidance_scale = entry["guidance_scale"];
  request.denoising_strength = entry["strength"];
  request.seed = entry["seed"].get<uint64_t>();
  request.init_image = read_image(file(entry["picture_in"])).image;
  if (entry.contains("mask")) request.mask = read_image(file(entry["mask"])).image;
  request.is_edges = true;
  request.image = {request.size.width, request.size.height, 1, {}};
  request.image.pixels.resize(static_cast<size_t>(request.size.width) *
                              static_cast<size_t>(request.size.height));
  request.strength = 0;
  if (entry["control"].is_null()) return request;
  request.image = read_image(file(entry["hint"])).image;
  request.strength = entry["weight"];
  return request;
}

class ImageToImage : public ::testing::TestWithParam<ImageCase> {};

TEST_P(ImageToImage, FollowsTheReferenceStepByStep) {
  const ImageCase& c = GetParam();
  Stages& model = PipelineParts::stages(pipeline(c.inpaints()));
  const auto use = model.use({});
  const auto latents = testing::run_painting(model, painting_request(c.entry)).latents;
  const auto expected = reference(c.name + ".latents");
  const size_t one = latents[0].size();
  ASSERT_EQ(expected.size(), latents.size() * one);
  const double allowed = std::max(5e-6, 5 * c.entry["float64_difference"].get<double>());
  const auto [worst, worst_step] = testing::distances(latents, expected);
  EXPECT_LE(worst, allowed);
  EXPECT_LE(worst_step, 1e-3);
  RecordProperty("latents", std::to_string(worst / allowed));
  RecordProperty("steps", std::to_string(worst_step / 1e-3));
}

TEST_P(ImageToImage, GivesTheReferencesPicture) {
  const ImageCase& c = GetParam();
  if (!c.entry.contains("picture")) return;
  const Result result = pipeline(c.inpaints()).generate(painting_request(c.entry));
  EXPECT_GE(
      testing::share_that_agrees(result.images[0], read_image(file(c.entry["picture"])).image),
      0.999);
}

INSTANTIATE_TEST_SUITE_P(Golden, ImageToImage, ::testing::ValuesIn(image_cases()),
                         [](const auto& c) {
                           std::string name = c.param.name;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST(ImageToImage, EncodesAsTheReference) {
  Stages& model = PipelineParts::stages(pipeline(false));
  const auto use = model.use({});
  const Image photo = read_image(file("photo.png")).image;
  const Tiles whole = vae_tiles({photo.width, photo.height}, 0);
  EXPECT_TRUE(testing::close(encode(model, as_encoder_input(photo), whole, {}),
                             reference("encode.moments"), 1e-5));
  EXPECT_TRUE(
      testing::close(mean_latent(model, photo, 0, {}), reference("encode.latent_of_mean"), 1e-5));
}

/// Small, without a control's effect.
Request small_painting(const std::string& sampler) {
  Request request;
  request.prompt = "a cat";
  request.seed = 5;
  request.steps = 4;
  request.sampler = sampler;
  request.is_edges = true;
  request.image = {64, 72, 1, std::vector<uint8_t>(size_t(64) * 72)};
  request.strength = 0;
  request.init_image = part_of(read_image(file("photo.png")).image, {20, 30, {64, 72}});
  request.mask = {64, 72, 1, std::vector<uint8_t>(size_t(64) * 72)};
  std::fill(request.mask.pixels.begin() + 24 * 64, request.mask.pixels.begin() + 48 * 64, 255);
  return request;
}

/// By both rules, whatever a sampler does between.
TEST(Inpainting, KeepsTheKnownLatentWithEverySampler) {
  Stages& model = PipelineParts::stages(pipeline(false));
  const auto use = model.use({});
  for (const PaintingRule rule : {PaintingRule::a1111, PaintingRule::diffusers})
    for (const char* sampler :
         {"Euler", "Euler a", "Heun", "DPM++ 2M", "DPM++ SDE", "LMS", "DDIM", "UniPC", "LCM"}) {
      Request request = small_painting(sampler);
      request.painting_rule = rule;
      const auto [latents, first] = testing::run_painting(model, request);
      bool paints = false;
      for (size_t i = 0; i < first.known.size(); ++i) {
        const bool is_known = latents.back()[i] == first.known[i];
        ASSERT_TRUE(is_known || first.mask[i % first.mask.size()] == 1) << sampler;
        paints |= !is_known;
      }
      EXPECT_TRUE(paints);
    }
}

/// What a1111's rule has the model say: the walk stays where the known latent and its noise are.
TEST(Inpainting, TheModelIsMadeToPredictTheKnownLatent) {
  Stages& model = PipelineParts::stages(pipeline(false));
  const auto use = model.use({});
  const Request request = small_painting("DPM++ 2M");
  const auto [latents, first] = testing::run_painting(model, request);
  const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const double sigma = table.rows[row].noise / table.rows[row].signal;
    for (size_t i = 0; i < first.known.size(); ++i) {
      if (first.mask[i % first.mask.size()] != 0) continue;
      ASSERT_NEAR(latents[row][i], first.known[i] + sigma * first.noise[i], 1e-4);
    }
  }
}

TEST(Inpainting, PastesThePixelsThatItKeeps) {
  Request request = small_painting("Euler a");
  request.mask_blur = 0;
  const Image image = pipeline(false).generate(request).images[0];
  EXPECT_EQ(part_of(image, {0, 0, {64, 24}}), part_of(request.init_image, {0, 0, {64, 24}}));
  EXPECT_NE(part_of(image, {0, 24, {64, 24}}), part_of(request.init_image, {0, 24, {64, 24}}));
  request.only_masked = true;  // the result has the picture's size, whatever is drawn
  request.image = {128, 64, 1, std::vector<uint8_t>(size_t(128) * 64)};
  const Image whole = pipeline(false).generate(request).images[0];
  EXPECT_EQ(whole.width, 64);
  EXPECT_EQ(part_of(whole, {0, 0, {64, 24}}), part_of(request.init_image, {0, 0, {64, 24}}));
}

TEST(Inpainting, TakesEveryFillAndOutpaints) {
  std::vector<Image> images;
  for (const InpaintFill fill : {InpaintFill::original, InpaintFill::fill,
                                 InpaintFill::latent_noise, InpaintFill::latent_nothing}) {
    Request request = small_painting("Euler");
    request.inpaint_fill = fill;
    images.push_back(pipeline(false).generate(request).images[0]);
    for (size_t i = 0; i + 1 < images.size(); ++i) EXPECT_NE(images[i], images.back());
  }
  Request request = small_painting("Euler");
  request.mask = {};
  request.outpaint.right = 32;
  request.image = {96, 72, 1, std::vector<uint8_t>(size_t(96) * 72)};
  const Image image = pipeline(false).generate(request).images[0];
  EXPECT_EQ(image.width, 96);
  EXPECT_EQ(part_of(image, {0, 0, {40, 72}}), part_of(request.init_image, {0, 0, {40, 72}}));
}

/// Without a picture to begin with, a UNet for inpainting sees that all is masked.
TEST(Inpainting, DrawsFromNothing) {
  Request request = small_painting("DDIM");
  request.mask = {};
  request.denoising_strength = 1;
  request.painting_rule = PaintingRule::diffusers;
  EXPECT_EQ(pipeline(true).generate(request).images.size(), 1u);
  request.init_image = {};
  request.painting_rule = PaintingRule::automatic;
  request.denoising_strength = 0.75;
  EXPECT_EQ(pipeline(true).generate(request).images.size(), 1u);
}

/// Pictures with masks and pictures of their own, in one batch.
TEST(ImageToImage, IsTheSameTogetherAsAlone) {
  for (const bool inpainting : {false, true})
    for (const bool hires : {false, true}) {
      Request one = small_painting("Euler a"), two = one;
      if (hires) {
        one.init_image = one.mask = {};
        one.hires_scale = 1.5;
        two = one;
      } else {
        two.init_image = part_of(read_image(file("photo.png")).image, {60, 40, {64, 72}});
        std::fill(two.mask.pixels.begin(), two.mask.pixels.begin() + 32 * 64, 255);
      }
      two.seed = 9;
      two.prompt = "a dog";
      const Callbacks callbacks;
      const Asked asked[] = {{one, callbacks}, {two, callbacks}};
      EXPECT_EQ(shape_key(one), shape_key(two));
      Pipeline& drawing = pipeline(inpainting);
      const auto outcomes = draw_together(drawing, asked);
      for (size_t i = 0; i < 2; ++i) {
        ASSERT_TRUE(outcomes[i].result);
        EXPECT_EQ(outcomes[i].result->images, drawing.generate(asked[i].request).images);
      }
    }
}

TEST(ImageToImage, ASampleDoesNotDependOnTheirNumber) {
  Request request = small_painting("DDIM");
  request.eta = 0.5;
  request.noise = NoiseKind::per_sample;
  request.samples = 3;
  const auto three = pipeline(true).generate(request).images;
  request.samples = 1;
  request.seed = 7;
  EXPECT_EQ(pipeline(true).generate(request).images[0], three[2]);
}

/// With an upscaler of pictures the second pass is a picture drawn from a picture.
TEST(Hires, IsAPictureFromAPicture) {
  Request request = small_painting("Euler a");
  request.init_image = request.mask = {};
  Request second = request, both = request;
  second.init_image = pipeline(false).generate(request).images[0];
  second.size = {96, 104};
  second.steps = 8;
  second.denoising_strength = 0.4;  // 4 of 8 steps
  second.image = {96, 104, 1, std::vector<uint8_t>(size_t(96) * 104)};
  both.hires_scale = 1.5;
  both.hires_upscaler = HiresUpscaler::lanczos;
  both.denoising_strength = 0.5;
  int steps = 0, of = 0;
  Callbacks callbacks;
  callbacks.progress = [&](const Progress& progress) {
    if (progress.stage == Stage::denoise) steps = progress.done, of = progress.of;
  };
  const Result result = pipeline(false).generate(both, callbacks);
  EXPECT_EQ(steps, 8);
  EXPECT_EQ(of, 8);
  EXPECT_EQ(result.images[0].width, 96);
  EXPECT_EQ(result.images, pipeline(false).generate(second).images);
  EXPECT_NE(result.parameters[0].find("Size: 64x72"), std::string::npos);
  EXPECT_NE(result.parameters[0].find(
                "Denoising strength: 0.5, Hires upscale: 1.5, Hires upscaler: Lanczos"),
            std::string::npos)
      << result.parameters[0];
  both.hires_upscaler = HiresUpscaler::latent;
  EXPECT_EQ(pipeline(false).generate(both).images[0].height, 104);
}

}  // namespace
}  // namespace drypoint

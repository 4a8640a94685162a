// Large pictures in windows, and the VAE in tiles.
#include <algorithm>
#include <cmath>
#include <optional>

#include "diffusion/conditioning.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/first_latents.h"
#include "diffusion/keeping.h"
#include "diffusion/model/autoencoding.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/noise/random.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/request/sampling.h"
#include "drypoint/demo_model.h"
#include "image/pillow.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

Pipeline& tiled_pipeline() {
  static Pipeline pipeline(testing::tiny_files(), {.device = "cpu"});
  return pipeline;
}

/// 320 x 288, with a control, and with a mask.
Request large_request(bool masked) {
  Request request;
  request.prompt = "a cat";
  request.seed = 5;
  request.steps = 2;
  request.sampler = "DDIM";
  request.eta = 1;
  request.is_edges = true;
  request.image = {320, 288, 1, std::vector<uint8_t>(size_t{320} * 288)};
  for (size_t i = 0; i < request.image.pixels.size(); i += 7) request.image.pixels[i] = 255;
  if (!masked) return request;
  request.init_image = pillow_resize(read_image(testing::data("images/cat.png")).image, {320, 288},
                                     PillowFilter::bicubic);
  request.painting_rule = PaintingRule::diffusers;
  request.denoising_strength = 1;
  request.mask = {320, 288, 1, std::vector<uint8_t>(size_t{320} * 288)};
  std::fill(request.mask.pixels.begin() + 100 * 320, request.mask.pixels.begin() + 200 * 320, 255);
  return request;
}

/// Each step as it is done without windows, in each window by itself, then blended: slowly.
std::vector<float> drawn_in_windows(Stages& model, const Request& request, const Tiles& tiles) {
  using enum Tiles::Layout;
  model.begin();
  const ImageSize size{request.image.width, request.image.height};
  const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
  std::vector<std::string> notices;
  const Prompts prompts = read_prompts(request, model, notices);
  const ImageSize window{8 * tiles.size().width, 8 * tiles.size().height};
  const DenoiserShape shape = denoiser_shape(model, request, window, table, prompts.shape());
  const auto generator = make_generator({}, *request.seed);
  const auto draw = [&](std::span<float> noise, bool) { generator->randn(noise); };
  std::optional<InitialPicture> initial;
  if (!request.init_image.pixels.empty()) initial = initial_picture(request, size);
  const FirstLatents first =
      first_latents(model, request, initial ? &*initial : nullptr, vae_tiles(size, 0), draw, {});
  Conditioning conditioning(model, prompts, request, {});
  Executor& denoiser = model.denoiser(shape);
  std::vector<std::vector<float>> draws(table.draws.size(), std::vector<float>(first.noise.size()));
  for (auto& one : draws) generator->randn(one);

  EXPECT_EQ(shape.slots, 1);
  std::vector<float> slot = first.noise;
  for (float& value : slot) value *= static_cast<float>(table.start_noise);
  for (int32_t row = 0; row < static_cast<int32_t>(table.rows.size()); ++row) {
    std::vector<float> next(slot.size());
    for (size_t i = 0; i < tiles.count(); ++i) {
      const Image hint = part_of(request.image, {8 * tiles.left(i), 8 * tiles.top(i), window});
      set_picture_inputs(denoiser, shape, table, hint, request);
      conditioning.begin(denoiser, shape);
      const auto own = [&](const std::vector<float>& values) {
        return values.empty() ? values : tiles.cut(values, i, planes);
      };
      if (shape.masked) set_kept_rows(denoiser, shape, table, model.prediction(), request);
      set_known(denoiser, shape, 0,
                {own(first.noise), own(first.known), own(first.masked), own(first.mask)});
      denoiser.run(Rate::picture);
      denoiser.set_input("slots", own(slot));
      denoiser.set_input("step", std::vector<int32_t>{row});
      const auto fresh = own(draws[static_cast<size_t>(table.rows[static_cast<size_t>(row)].draw)]);
      std::vector<float> noises;
      while (noises.size() < fresh.size() * static_cast<size_t>(shape.noises))
        noises.insert(noises.end(), fresh.begin(), fresh.end());
      denoiser.set_input("noise", noises);
      denoiser.run(Rate::step);
      tiles.add(denoiser.output("slots"), i, planes, next);
    }
    slot = next;
  }
  return slot;
}

TEST(Tiled, DenoisingBlendsTheWindowsAtEachStep) {
  Stages& model = PipelineParts::stages(tiled_pipeline());
  Request request = large_request(true);
  request.tile = 256;
  const Image image = tiled_pipeline().generate(request).images[0];
  const auto use = model.use({});
  const auto latent = drawn_in_windows(model, request, Tiles({40, 36}, 32, 8));
  model.begin();
  const ImageSize size{320, 288};
  EXPECT_EQ(image, image_of(decode(model, latent, vae_tiles(size, 0), {}), size));
}

TEST(Tiled, OneWindowIsTheWhole) {
  Request request = large_request(false);
  const Image whole = tiled_pipeline().generate(request).images[0];
  request.tile = request.vae_tile = 384;
  EXPECT_EQ(tiled_pipeline().generate(request).images[0], whole);
}

/// Where a tile is alone it is what the VAE makes of it.
TEST(Tiled, TheVaeWorksInTiles) {
  Stages& model = PipelineParts::stages(tiled_pipeline());
  const auto use = model.use({});
  model.begin();
  const ImageSize size{384, 256};
  const Image photo =
      pillow_resize(read_image(testing::data("images/cat.png")).image, size, PillowFilter::bicubic);
  const Tiles tiles = vae_tiles(size, 256);
  ASSERT_EQ(tiles.count(), 2u);
  EXPECT_EQ(tiles.left(1), 16);
  const auto picture = as_encoder_input(photo);
  const auto moments = encode(model, picture, tiles, {});
  const auto first = encode(model, tiles.times(8).cut(picture, 0, Tiles::Layout::pixels),
                            vae_tiles({256, 256}, 0), {});
  for (size_t row = 0; row < moments.size() / 48; ++row)
    for (size_t x = 0; x < 16; ++x) ASSERT_EQ(moments[row * 48 + x], first[row * 32 + x]);

  const std::vector<float> latent(moments.begin(), moments.begin() + 4 * 48 * 32);
  const auto decoded = decode(model, latent, tiles, {});
  const auto part =
      decode(model, tiles.cut(latent, 1, Tiles::Layout::planes), vae_tiles({256, 256}, 0), {});
  for (size_t y = 0; y < 256; ++y)
    for (size_t x = 3 * 128; x < 3 * 256; ++x)
      ASSERT_EQ(decoded[y * 3 * 384 + 3 * 128 + x], part[y * 3 * 256 + x]);
}

/// A trained VAE's tiles are near the whole.
TEST(Tiled, AVaesTilesAreNearTheWhole) {
  Stages model(ModelFiles{.model = demo_model()}, {.device = "cpu"});
  const auto use = model.use({});
  model.begin();
  const ImageSize size{320, 256};
  const Image photo =
      pillow_resize(read_image(testing::data("images/cat.png")).image, size, PillowFilter::bicubic);
  const auto latent = mean_latent(model, photo, 0, {});
  const auto distance = [](std::span<const float> a, std::span<const float> b) {
    double difference = 0, values = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      difference += std::abs(a[i] - b[i]);
      values += std::abs(b[i]);
    }
    return difference / values;
  };
  EXPECT_LT(distance(mean_latent(model, photo, 256, {}), latent), 0.05);
  EXPECT_LT(distance(decode(model, latent, vae_tiles(size, 256), {}),
                     decode(model, latent, vae_tiles(size, 0), {})),
            0.1);
}

/// The parts take turns in memory; the picture is the same.
TEST(MaxMemory, KeepsWithinItAndSaysSo) {
  Request request = large_request(true);
  request.steps = 1;
  const Image expected = tiled_pipeline().generate(request).images[0];
  const std::string needed = "the denoiser takes ";
  Pipeline small(testing::tiny_files(), {.device = "cpu", .max_memory = 1});
  int least = 0;
  try {
    small.generate(request);
    FAIL() << "1 MiB is enough";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    const std::string what = error.what();
    ASSERT_NE(what.find("max_memory: 1 MiB"), what.npos) << what;
  }
  for (int limit = 16; least == 0 && limit < 4096; limit *= 2) {
    Pipeline pipeline(testing::tiny_files(), {.device = "cpu", .max_memory = limit});
    std::vector<std::string> told;
    bool had_begun = false;
    Callbacks callbacks;
    callbacks.progress = [&](const Progress& progress) {
      had_begun |= progress.stage == Stage::denoise;
    };
    callbacks.notice = [&](const std::string& notice) {
      EXPECT_FALSE(had_begun);
      told.push_back(notice);
    };
    try {
      const Result result = pipeline.generate(request, callbacks);
      ASSERT_EQ(told.size(), 1u);
      EXPECT_NE(told[0].find("denoiser"), told[0].npos);
      const bool has_tiles = told[0].find("in tiles of") != told[0].npos;
      EXPECT_EQ(result.parameters[0].find("VAE tile: ") != std::string::npos, has_tiles);
      if (!has_tiles) {
        EXPECT_EQ(result.images[0], expected);
        least = limit;
      }
      EXPECT_EQ(pipeline.generate(request).images, result.images);  // weights are read again
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::out_of_memory) << error.what();
      EXPECT_FALSE(had_begun);
    }
  }
  EXPECT_GT(least, 1);
}

}  // namespace
}  // namespace drypoint

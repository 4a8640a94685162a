// Initial pictures, masks and enlarged latents.
#include "diffusion/initial.h"

#include "diffusion/hires.h"
#include "diffusion/keeping.h"
#include "diffusion/request/painting.h"
#include "diffusion/request/sampling.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

Image plain_picture(int width, int height, int channels, uint8_t value) {
  Image image{width, height, channels, {}};
  image.pixels.assign(
      static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels),
      value);
  return image;
}

/// White in a box.
Image box_mask(int width, int height, Region box) {
  Image mask = plain_picture(width, height, 1, 0);
  put(mask, plain_picture(box.size.width, box.size.height, 1, 255), box.x, box.y);
  return mask;
}

Request masked_request() {
  Request request;
  request.image = request.init_image = plain_picture(200, 120, 3, 50);
  request.mask = box_mask(200, 120, {150, 40, {20, 10}});
  return request;
}

TEST(InitialPicture, SettingsWithoutEffectAreRefused) {
  const auto refused = [](std::initializer_list<std::string> parts, Request request) {
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, parts, [&] { check_painting(request); }));
  };
  Request request;
  request.denoising_strength = 0.5;
  refused({"denoising_strength: 0.5", "no initial picture"}, request);
  request = {};
  request.mask = plain_picture(16, 16, 1, 0);
  refused({"mask", "no initial picture"}, request);
  request = {};
  request.outpaint.left = 8;
  refused({"outpaint: 8,0,0,0"}, request);
  request = {};
  request.hires_steps = 8;
  refused({"hires_steps: 8", "hires_scale"}, request);
  request = masked_request();
  request.mask = {};
  request.inpaint_fill = InpaintFill::fill;
  refused({"inpaint_fill: fill", "no mask"}, request);
  request = masked_request();
  request.soft_difference_contrast = 3;
  refused({"soft_difference_contrast: 3", "no soft_inpainting"}, request);
  request.soft_inpainting = true;
  request.paste_kept = PasteKept::off;
  refused({"soft_difference_contrast: 3", "paste_kept"}, request);
  request.paste_kept = PasteKept::automatic;
  request.painting_rule = PaintingRule::diffusers;
  refused({"painting_rule: diffusers", "a1111"}, request);
  request.painting_rule = PaintingRule::automatic;
  check_painting(request);
  request.mask = {};
  refused({"soft_inpainting: true", "no mask"}, request);
  request = masked_request();
  request.mask_padding = 8;
  refused({"mask_padding: 8", "only_masked"}, request);
  request = masked_request();
  request.hires_scale = 2;
  refused({"hires_scale: 2", "initial picture"}, request);
  request = masked_request();
  request.mask = plain_picture(200, 128, 1, 0);
  refused({"mask: 128x200", "120x200"}, request);
  request = masked_request();
  request.denoising_strength = 0.01;
  refused({"denoising_strength: 0.01 of 20 steps", "0.05"}, request);
  check_painting(masked_request());
}

TEST(InitialPicture, TheWalkBeginsWhereTheRuleSays) {
  Request request;
  request.init_image = plain_picture(64, 64, 3, 0);
  request.steps = 8;
  const auto first = [&](double strength, const char* sampler) {
    request.denoising_strength = strength;
    request.sampler = sampler;
    return walk_part(request).first;
  };
  EXPECT_EQ(first(0.3, "DDIM"), 6);
  EXPECT_EQ(first(0.75, "DDIM"), 2);
  EXPECT_EQ(first(1, "DDIM"), 0);
  EXPECT_EQ(first(0.3, "Euler"), 5);
  EXPECT_EQ(first(1, "Euler"), 0);
  EXPECT_EQ(first(0, "Euler"), 7);
  request.init_image = {};
  request.hires_scale = 2;
  request.hires_steps = 6;
  request.denoising_strength = 0.5;
  EXPECT_EQ(second_walk_part(request).steps, 12);
  EXPECT_EQ(second_walk_part(request).first, 6);
}

TEST(InitialPicture, OnlyMaskedCutsOutWhatIsDrawn) {
  Request request = masked_request();
  request.only_masked = true;
  request.mask_padding = 10;
  request.mask_blur = 0;
  // 40x30 with its padding, made as wide as high by ten rows, five of them above.
  const InitialPicture initial = initial_picture(request, {64, 64});
  ASSERT_TRUE(initial.paste);
  EXPECT_EQ(initial.paste->region, (Region{140, 25, {40, 40}}));
  EXPECT_EQ(initial.picture.width, 64);
  // At the border it moves inwards.
  request.mask = box_mask(200, 120, {0, 118, {40, 2}});
  EXPECT_EQ(initial_picture(request, {64, 64}).paste->region, (Region{0, 70, {50, 50}}));
  // Where the mask is black, the picture stays as it is, to the byte.
  const Image result = pasted(*initial.paste, plain_picture(64, 64, 3, 200));
  EXPECT_EQ(result.width, 200);
  for (int y = 0; y < 120; ++y)
    for (int x = 0; x < 200; ++x)
      ASSERT_EQ(result.pixels[static_cast<size_t>(3 * (y * 200 + x))],
                x >= 150 && x < 170 && y >= 40 && y < 50 ? 200 : 50);
  request.mask = plain_picture(200, 120, 1, 0);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"mask: is black"}, [&] {
    initial_picture(request, {64, 64});
  }));
}

TEST(InitialPicture, OutpaintGrowsAndMasks) {
  Request request;
  request.init_image = plain_picture(64, 40, 3, 50);
  request.outpaint = {.left = 16, .bottom = 8};
  request.mask_blur = 2;
  EXPECT_EQ(initial_size(request), (ImageSize{80, 48}));
  request.size = {64, 64};
  EXPECT_EQ(largest_size(request), (ImageSize{64, 64}));
  request.size = {48, 32};
  EXPECT_EQ(largest_size(request), (ImageSize{80, 48}));  // what is drawn is pasted into that
  Request twice;
  twice.size = {64, 32};
  twice.hires_scale = 1.5;
  EXPECT_EQ(largest_size(twice), (ImageSize{96, 48}));
  request.size = {};
  request.mask_blur = 0;
  const InitialPicture hard = initial_picture(request, {80, 48});
  EXPECT_EQ(hard.mask, [] {
    Image mask = plain_picture(80, 48, 1, 255);
    put(mask, plain_picture(64, 40, 1, 0), 16, 0);
    return mask;
  }());
  EXPECT_EQ(hard.picture, plain_picture(80, 48, 3, 50));
  request.mask_blur = 2;  // four pixels further in, then blurred
  EXPECT_NEAR(initial_picture(request, {80, 48}).mask.pixels[20 * 80 + 19], 128, 40);
}

TEST(InitialPicture, MasksBecomeLatentsByTheRule) {
  const Image mask = box_mask(32, 16, {8, 0, {12, 16}});
  EXPECT_EQ(latent_mask(mask, PaintingRule::diffusers),
            (std::vector<float>{0, 1, 1, 0, 0, 1, 1, 0}));
  const Image less = box_mask(32, 16, {8, 0, {11, 16}});  // 3/8 of the third
  EXPECT_EQ(latent_mask(less, PaintingRule::a1111), (std::vector<float>{0, 1, 0, 0, 0, 1, 0, 0}));
}

/// As OpenCV and Pillow, which agree with PyTorch but for the last, resize floats.
TEST(Hires, EnlargesLatentsAsPyTorch) {
  const float x[] = {1, 5, 2, -3, 4, 0, 7, 1, -2, 6, 3, 8};
  using enum HiresUpscaler;
  const std::pair<HiresUpscaler, std::vector<float>> cases[] = {
      {latent,
       {1,  3, 4.5f,       2.5f,      -0.5f, -3, 2.2f, 2.6f, 3.1666667f, 3.8333333f, 1.3f, -1.4f,
        4,  2, 1.1666667f, 5.833333f, 4,     1,  0.4f, 2,    3.7666667f, 4.4333333f, 4.9f, 5.2f,
        -2, 2, 5.5f,       3.5f,      5.5f,  8}},
      {latent_bicubic, {0.29811013f, 3.4672506f, 5.410696f,  2.5968063f, -1.3032517f, -3.8096945f,
                        2.5932219f,  2.4620001f, 2.9676995f, 4.535386f,  1.288f,      -2.4884567f,
                        4.3472223f,  1.34375f,   0.7615739f, 6.446761f,  4.65625f,    0.47916794f,
                        0.30372128f, 1.778f,     3.7704496f, 4.6731324f, 5.3920012f,  5.6292944f,
                        -3.3704438f, 2.37125f,   6.6969724f, 2.817523f,  5.2727504f,  9.197693f}},
      {latent_bicubic_antialiased,
       {0.47070506f, 3.1609323f, 5.2488208f,  2.4128668f, -1.2053274f, -3.6258688f,
        2.2776904f,  2.5737488f, 3.1982276f,  4.16361f,   0.89552248f, -2.2948742f,
        4.2631578f,  1.7058823f, 0.68055558f, 6.4583335f, 4.2352943f,  0.60526317f,
        0.01296155f, 1.7980684f, 3.972585f,   4.4881325f, 5.2638278f,  5.7960525f,
        -3.0387287f, 1.9589344f, 6.4487686f,  2.9157497f, 5.5638177f,  8.9118662f}},
      {latent_nearest, {1, 1, 5, 2, 2, -3, 1, 1, 5, 2,  2,  -3, 4, 4, 0,
                        7, 7, 1, 4, 4, 0,  7, 7, 1, -2, -2, 6,  3, 3, 8}},
      {latent_nearest_exact, {1, 5, 5, 2,  -3, -3, 1, 5, 5, 2,  -3, -3, 4, 0, 0,
                              7, 1, 1, -2, 6,  6,  3, 8, 8, -2, 6,  6,  3, 8, 8}}};
  for (const auto& [upscaler, expected] : cases)
    EXPECT_TRUE(testing::close(enlarged(x, {4, 3}, {6, 5}, upscaler), expected, 2e-6))
        << label(upscaler);
  EXPECT_EQ(enlarged(x, {4, 3}, {6, 5}, latent_antialiased), enlarged(x, {4, 3}, {6, 5}, latent));
}

}  // namespace
}  // namespace drypoint

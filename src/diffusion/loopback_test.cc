#include "drypoint/loopback.h"

#include "image/pillow.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

Request loop_request() {
  Request request;
  request.prompt = "a cat";
  request.seed = 5;
  request.steps = 3;
  request.sampler = "Euler";
  request.size = {64, 64};
  request.init_image = {64, 64, 3, std::vector<uint8_t>(size_t{64} * 64 * 3, 90)};
  request.denoising_strength = 0.8;
  return request;
}

Pipeline& loop_pipeline() {
  static Pipeline pipeline(testing::tiny_files(), {.device = "cpu"});
  return pipeline;
}

TEST(Loopback, StrengthsFollowTheCurve) {
  const auto expect = [](LoopbackCurve curve, std::initializer_list<double> strengths) {
    const Loopback loopback{4, 0.2, curve};
    int loop = 0;
    for (const double strength : strengths)
      EXPECT_NEAR(denoising_strength(loopback, 0.8, loop++), strength, 1e-12);
  };
  const double root = std::sqrt(3.0);
  expect(LoopbackCurve::linear, {0.8, 0.6, 0.4, 0.2});
  expect(LoopbackCurve::aggressive, {0.8, 0.5, 0.8 - 0.3 * root, 0.2});
  expect(LoopbackCurve::lazy, {0.8, 0.2 + 0.3 * root, 0.5, 0.2});
  EXPECT_EQ(denoising_strength({4, {}, LoopbackCurve::lazy}, 0.8, 3), 0.8);
  EXPECT_EQ(denoising_strength({1, 0.2}, 0.8, 0), 0.8);
}

TEST(Loopback, EachLoopDrawsFromTheLast) {
  Request request = loop_request();
  request.mask = {64, 64, 1, std::vector<uint8_t>(size_t{64} * 64, 255)};
  std::fill_n(request.mask.pixels.begin(), 64 * 24, uint8_t{0});
  request.inpaint_fill = InpaintFill::latent_noise;
  std::vector<int> told;
  const auto loops = draw_loops(loop_pipeline(), request, {3, 0.4}, {},
                                [&](int loop, const Result&) { told.push_back(loop); });
  ASSERT_EQ(loops.size(), 3u);
  EXPECT_EQ(told, (std::vector<int>{0, 1, 2}));
  for (int loop = 0; loop < 3; ++loop) {
    if (loop > 0) {
      request.init_image = loops[static_cast<size_t>(loop - 1)].images[0];
      request.inpaint_fill = InpaintFill::original;
    }
    request.denoising_strength = denoising_strength({3, 0.4}, 0.8, loop);
    request.seed = 5 + loop;
    EXPECT_EQ(loop_pipeline().generate(request).images, loops[static_cast<size_t>(loop)].images);
  }
}

TEST(Loopback, AMaskKeepsItsPlaceInAnotherSize) {
  Request request = loop_request();
  request.init_image = {128, 128, 3, std::vector<uint8_t>(size_t{128} * 128 * 3, 90)};
  request.mask = {128, 128, 1, std::vector<uint8_t>(size_t{128} * 128, 255)};
  std::fill_n(request.mask.pixels.begin(), 128 * 64, uint8_t{0});
  request.mask_blur = 0;
  const auto loops = draw_loops(loop_pipeline(), request, {2});
  const Region kept{0, 0, {64, 28}};  // beyond, the smaller mask's border swings
  EXPECT_EQ(part_of(loops[1].images[0], kept), part_of(loops[0].images[0], kept));
  EXPECT_NE(loops[1].images, loops[0].images);
}

TEST(Loopback, RefusesWhatItDoesNotGoWith) {
  const auto refused = [](std::initializer_list<std::string> parts, Request request,
                          Loopback loopback) {
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, parts,
                           [&] { draw_loops(loop_pipeline(), request, loopback); }));
  };
  Request request = loop_request();
  refused({"loops: 33", "1 to 32"}, request, {33});
  refused({"final_denoising_strength: 2"}, request, {2, 2});
  refused({"loops: 1", "denoising_curve"}, request, {1, {}, LoopbackCurve::lazy});
  request.samples = 2;
  refused({"samples: 2", "loops: 2"}, request, {2});
  request = loop_request();
  request.outpaint.left = 8;
  refused({"outpaint"}, request, {2});
  request = loop_request();
  request.sampler = "DDIM";
  refused({"denoising_strength: 0 of 3 steps"}, request, {2, 0});
  request = {};
  refused({"loops: 2", "no initial picture"}, request, {2});
}

}  // namespace
}  // namespace drypoint

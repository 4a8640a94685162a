#include "diffusion/schedule.h"

#include <algorithm>
#include <cmath>

#include "checkpoint/formats.h"
#include "diffusion/control_strength.h"
#include "diffusion/random.h"
#include "diffusion/sampler.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;
using testing::fails_with;
using Steps = std::vector<int64_t>;

const NamedTensors& golden() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("schedule/runs.safetensors")).tensors;
  return tensors;
}

TEST(Schedule, HasTheNoiseLevelsOfTheOfficialCheckpoint) {
  const Tensor expected = golden().at("alphas_cumprod").to_f32();
  const auto alphas = default_alphas_cumprod();
  EXPECT_TRUE(std::ranges::equal(alphas, expected.floats()));  // to the bit
}

TEST(Schedule, HasTheStepsOfTheGoldenRuns) {
  const std::pair<const char*, int> runs[] = {
      {"seed_score", 20},   {"coffee_512_steps4", 4}, {"two_samples", 6}, {"guess_mode", 7},
      {"strength_eta", 10}, {"scale_one", 5},         {"steps_50", 50}};
  for (const auto& [name, steps] : runs) {
    const Tensor values = golden().at(std::string(name) + ".steps").to_f32();  // exact
    const Steps expected(values.floats().begin(), values.floats().end());
    EXPECT_EQ(ddim_timesteps(steps, ScheduleKind::official), expected) << name;
    const Steps first(expected.begin(), expected.begin() + steps);
    EXPECT_EQ(ddim_timesteps(steps, ScheduleKind::exact), first) << name;
  }
}

TEST(Schedule, RefusesTheStepsAtWhichTheOfficialCodeFails) {
  const auto fails = [](int n) {
    return n == 3 || n == 9 || n == 27 || n == 36 || n == 37 || (n >= 101 && n <= 111) ||
           (n >= 251 && n <= 333) || n >= 501;
  };
  for (int n = 1; n < 1000; ++n) {
    const Steps exact = ddim_timesteps(n, ScheduleKind::exact);
    EXPECT_EQ(exact.size(), static_cast<size_t>(n));
    EXPECT_LT(exact.back(), 1000) << n;
    if (fails(n))
      EXPECT_TRUE(fails_with(ErrorKind::bad_argument,
                             {"--steps " + std::to_string(n), "official", "1000"},
                             [&] { ddim_timesteps(n, ScheduleKind::official); }));
    else
      EXPECT_LT(ddim_timesteps(n, ScheduleKind::official).back(), 1000) << n;
  }
  for (const int64_t n : {int64_t{-1}, int64_t{0}, int64_t{1000}, INT64_MAX, INT64_MIN})
    for (const auto kind : {ScheduleKind::exact, ScheduleKind::official})
      EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"--steps", std::to_string(n), "1 to 999"},
                             [&] { ddim_timesteps(n, kind); }));
}

TEST(Schedule, WalksFromNoiseToPicture) {
  const auto alphas = default_alphas_cumprod();
  const auto steps = ddim_steps(alphas, 10, ScheduleKind::exact, 0.7);
  ASSERT_EQ(steps.size(), 10u);
  EXPECT_EQ(steps.front().timestep, 901);
  EXPECT_EQ(steps.back().timestep, 1);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(steps[i].alpha, alphas[static_cast<size_t>(steps[i].timestep)]);
    EXPECT_EQ(steps[i].alpha_prev, i < 9 ? steps[i + 1].alpha : alphas[0]);
    const double a = steps[i].alpha, p = steps[i].alpha_prev;
    EXPECT_NEAR(steps[i].sigma, 0.7 * std::sqrt((1 - p) / (1 - a) * (1 - a / p)), 1e-7);
  }
  // eta 1 is DDPM, whose posterior leaves room; far more does not.
  EXPECT_GT(ddim_steps(alphas, 999, ScheduleKind::exact, 1).front().sigma, 0.1f);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"--eta 5"},
                         [&] { ddim_steps(alphas, 10, ScheduleKind::exact, 5); }));
  for (const double eta : {-0.1, double{INFINITY}, double{NAN}})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"--eta"},
                           [&] { ddim_steps(alphas, 10, ScheduleKind::exact, eta); }));
}

TEST(Schedule, RefusesNoiseLevelsThatMakeNoSense) {
  const auto refused = [](size_t size, size_t at, float value, const char* part) {
    auto alphas = default_alphas_cumprod();
    alphas.resize(size);
    if (at < size) alphas[at] = value;
    return fails_with(ErrorKind::bad_file, {"model.ckpt", part},
                      [&] { ddim_steps(alphas, 10, ScheduleKind::exact, 0, "model.ckpt"); });
  };
  EXPECT_TRUE(refused(999, 1000, 0, "999 values"));
  EXPECT_TRUE(refused(0, 1000, 0, "0 values"));
  EXPECT_TRUE(refused(1000, 0, 1.0f, "value 0"));
  EXPECT_TRUE(refused(1000, 999, 0.0f, "value 999"));
  EXPECT_TRUE(refused(1000, 500, NAN, "value 500"));
  EXPECT_TRUE(refused(1000, 500, 0.9f, "value 500"));
}

TEST(Noise, IsThatOfTheGoldenRuns) {
  const std::pair<const char*, uint64_t> runs[] = {
      {"two_samples", 2946901}, {"steps_50", 2946901}, {"strength_eta", 12345}};
  for (const auto& [name, seed] : runs) {
    const Tensor expected = golden().at(std::string(name) + ".noise").to_f32();
    std::vector<float> noise(expected.floats().size());
    make_generator({}, seed)->randn(noise);
    EXPECT_TRUE(close(noise, expected.floats(), 1e-7)) << name;
  }
}

TEST(Sampler, GuidesAwayFromTheUnconditional) {
  DdimCoefficients row{};
  row.guidance_scale = 9;
  EXPECT_EQ(row.guide(1, 2), 10);
  EXPECT_EQ(row.guide(-2, -2), -2);
  EXPECT_EQ(row.guide(0.5f, -0.5f), -8.5f);
  row.guidance_scale = 1;
  EXPECT_EQ(row.guide(1, 2), 2);
}

TEST(Sampler, FollowsThePathOfATruePrediction) {
  // If the prediction is the noise that was mixed in, a step gives the same picture with less
  // noise.
  std::vector<float> picture(64), noise(64);
  const auto generator = make_generator({}, 1);
  generator->randn(picture);
  generator->randn(noise);
  const auto mixed = [&](double alpha) {
    std::vector<float> values(64);
    for (size_t i = 0; i < 64; ++i)
      values[i] =
          static_cast<float>(std::sqrt(alpha) * picture[i] + std::sqrt(1 - alpha) * noise[i]);
    return values;
  };
  for (const auto& step : ddim_steps(default_alphas_cumprod(), 7, ScheduleKind::official, 0)) {
    const DdimCoefficients row = ddim_coefficients(step, 1);
    std::vector<float> x = mixed(step.alpha);
    for (size_t i = 0; i < 64; ++i) x[i] = row.update(x[i], noise[i], 0);
    EXPECT_TRUE(close(x, mixed(step.alpha_prev), 2e-6)) << step.timestep;
  }
}

TEST(Sampler, AddsNoiseAtEta) {
  // Values of the formula in float64.
  const DdimStep step{.timestep = 1, .alpha = 0.25f, .alpha_prev = 0.64f, .sigma = 0.36f};
  const float x = ddim_coefficients(step, 1).update(1.0f, 0.5f, -2.0f);
  const double clean = (1 - std::sqrt(0.75) * 0.5) / 0.5;
  EXPECT_NEAR(x, 0.8 * clean + std::sqrt(1 - 0.64 - 0.36 * 0.36) * 0.5 - 0.72, 1e-6);
}

TEST(ControlStrength, FallsTowardsTheOuterBlocksInGuessMode) {
  for (const float scale : control_scales(0.5, false)) EXPECT_EQ(scale, 0.5f);
  const auto scales = control_scales(2, true);
  EXPECT_EQ(scales[12], 2.0f);
  EXPECT_FLOAT_EQ(scales[11], 1.65f);
  EXPECT_FLOAT_EQ(scales[0], 0.19882792f);  // 2 * 0.825^12
  for (const double strength : {-1.0, double{INFINITY}, double{NAN}})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"--strength"},
                           [&] { control_scales(strength, false); }));
}

}  // namespace
}  // namespace drypoint

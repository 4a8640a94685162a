#include "diffusion/request/compat.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "diffusion/request/sampling.h"
#include "diffusion/schedules/schedules.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;
using testing::fails_with;

std::vector<float> levels_of_program(const std::string& name) {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("samplers/programs.safetensors")).tensors;
  const Tensor values = tensors.at(name).to_f32();
  return {values.floats().begin(), values.floats().end()};
}

std::vector<NoiseLevel> chosen_levels(CompatKind program, const char* sampler,
                                      ScheduleKind schedule, int steps) {
  const NoiseSchedule trained;
  Request request;
  request.compat = program;
  request.sampler = sampler;
  request.schedule = schedule;
  const auto chosen = sampler_of(request);
  return levels_as_in(program, chosen.sampler, chosen.schedule, steps, trained, kNoNoise);
}

std::vector<float> sigmas_of_levels(const std::vector<NoiseLevel>& all) {
  std::vector<float> values;
  for (const NoiseLevel& level : all) values.push_back(static_cast<float>(level.sigma()));
  return values;
}
std::vector<float> timesteps_of_levels(const std::vector<NoiseLevel>& all) {
  std::vector<float> values;
  for (const NoiseLevel& level : all) values.push_back(static_cast<float>(level.timestep));
  return values;
}

Request asked_as_in(CompatKind program, const char* sampler, int steps = 20,
                    ScheduleKind schedule = ScheduleKind::automatic) {
  Request request;
  request.compat = program;
  request.sampler = sampler;
  request.steps = steps;
  request.schedule = schedule;
  return request;
}

SamplerTable table_as_in(const Request& request) { return sampler_table(request, NoiseSchedule()); }

TEST(Compat, SchedulesOfComfyUi) {
  for (const int steps : {5, 8, 20, 30, 200}) {
    EXPECT_TRUE(close(
        sigmas_of_levels(chosen_levels(CompatKind::comfy, "Euler", ScheduleKind::beta, steps)),
        levels_of_program(fmt::format("comfy.beta.{}", steps)), 2e-6));
    EXPECT_TRUE(close(sigmas_of_levels(chosen_levels(CompatKind::comfy, "Euler",
                                                     ScheduleKind::kl_optimal, steps)),
                      levels_of_program(fmt::format("comfy.kl_optimal.{}", steps)), 2e-6));
  }
}

TEST(Compat, TimestepsOfTheWebUi) {
  for (const int steps : {3, 5, 8, 20, 30, 200})
    for (const char* sampler : {"DDIM", "PLMS"})
      EXPECT_EQ(timesteps_of_levels(
                    chosen_levels(CompatKind::a1111, sampler, ScheduleKind::automatic, steps)),
                levels_of_program(fmt::format("a1111.ddim.{}", steps)));
  for (const int steps : {5, 8, 20, 30, 200}) {
    const auto own = chosen_levels(CompatKind::a1111, "UniPC", ScheduleKind::automatic, steps);
    EXPECT_TRUE(close(sigmas_of_levels(own),
                      levels_of_program(fmt::format("a1111.unipc.{}", steps)), 2e-6));
    EXPECT_TRUE(close(timesteps_of_levels(own),
                      levels_of_program(fmt::format("a1111.unipc_t.{}", steps)), 1e-5));
  }
}

TEST(Compat, CountsStepsAsProgramsDo) {
  using enum CompatKind;
  EXPECT_EQ(table_as_in(asked_as_in(automatic, "DDIM")).rows.size(), 20u);
  EXPECT_EQ(table_as_in(asked_as_in(a1111, "DDIM")).rows.size(), 19u);
  EXPECT_EQ(table_as_in(asked_as_in(a1111, "DDIM", 30)).rows.size(), 30u);
  EXPECT_EQ(table_as_in(asked_as_in(a1111, "PLMS")).rows.size(), 20u);  // the first step takes two
  EXPECT_EQ(table_as_in(asked_as_in(a1111, "UniPC")).rows.size(), 20u);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"steps: 1", "at least 2"},
                         [] { table_as_in(asked_as_in(a1111, "DDIM", 1)); }));
  // The last sigma but one is dropped by all but diffusers, that of 3M SDE by the web UI alone.
  const auto last = [](CompatKind program, const char* sampler) {
    return table_as_in(asked_as_in(program, sampler, 8, ScheduleKind::karras)).rows.back().timestep;
  };
  EXPECT_EQ(last(a1111, "DPM2"), last(comfy, "DPM2"));
  EXPECT_NE(last(a1111, "DPM2"), last(diffusers, "DPM2"));
  EXPECT_EQ(last(a1111, "DPM++ 3M SDE"), last(automatic, "DPM++ 3M SDE"));
  EXPECT_NE(last(a1111, "DPM++ 3M SDE"), last(comfy, "DPM++ 3M SDE"));
}

TEST(Compat, ComfyUiWalksInItsOwnWay) {
  using enum CompatKind;
  // From the highest sigma on with the whole deviation, from others with sigma; DDIM is Euler's.
  const double high = NoiseSchedule().sigma(999);
  const auto start = [](const Request& request) {
    const SamplerTable made = table_as_in(request);
    return made.start_noise / made.rows[0].input_scale;
  };
  EXPECT_NEAR(start(asked_as_in(automatic, "Euler")), high, 1e-5);
  EXPECT_NEAR(start(asked_as_in(comfy, "Euler")), std::hypot(1, high), 1e-5);
  const double middle = NoiseSchedule().sigma(951);
  EXPECT_NEAR(start(asked_as_in(comfy, "Euler", 20, ScheduleKind::ddim)), middle, 1e-5);
  EXPECT_EQ(table_as_in(asked_as_in(comfy, "ddim")), table_as_in(asked_as_in(comfy, "Euler")));
  EXPECT_EQ(table_as_in(asked_as_in(comfy, "dpmpp_2m")),
            table_as_in(asked_as_in(comfy, "dpmpp_2m", 20, ScheduleKind::uniform)));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"compat: \"comfy\"", "UniPC"},
                         [] { table_as_in(asked_as_in(comfy, "uni_pc")); }));
}

TEST(Compat, ComfyUiAddsItsNoiseToALatentAsItIs) {
  // comfy/model_sampling.py: noise * sigma, or its whole deviation at the highest, plus the latent.
  const double high = NoiseSchedule().sigma(999);
  Request request = asked_as_in(CompatKind::comfy, "Euler", 4);
  request.init_image = {64, 64, 3, std::vector<uint8_t>(size_t{64} * 64 * 3)};
  const auto starts = [&] {
    const SamplerTable made = table_as_in(request);
    const double scale = made.rows[0].input_scale;
    return std::pair(made.start_noise / scale, made.start_latent / scale);
  };
  request.denoising_strength = 1;
  EXPECT_NEAR(starts().first, std::hypot(1, high), 1e-5);
  EXPECT_NEAR(starts().second, 1, 1e-9);
  EXPECT_EQ(table_as_in(request).steps, 4);
  // Of 8 steps the last 4.
  request.denoising_strength = 0.5;
  const auto levels =
      sigmas_of_levels(chosen_levels(CompatKind::comfy, "Euler", ScheduleKind::uniform, 8));
  EXPECT_NEAR(starts().first, levels[4], 1e-5);
  EXPECT_NEAR(starts().second, 1, 1e-9);
  EXPECT_EQ(table_as_in(request).steps, 4);
  request.denoising_strength = 0.004;
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"denoising_strength: 0.004", "1000"},
                         [&] { table_as_in(request); }));
}

TEST(Compat, SharesOfTheStepsAreWhatProgramsTakeThemFor) {
  using enum CompatKind;
  const SamplerTable made = table_as_in(asked_as_in(automatic, "Euler", 10));
  const auto counted = [&](CompatKind program, double start, double end) {
    std::vector<int> steps;
    for (size_t i = 0; i < made.rows.size(); ++i)
      if (counts_in(program, start, end, made, i)) steps.push_back(made.rows[i].step);
    return steps;
  };
  EXPECT_EQ(counted(diffusers, 0.25, 0.55), (std::vector{3, 4}));
  EXPECT_EQ(counted(a1111, 0.25, 0.55), (std::vector{3, 4, 5}));
  EXPECT_EQ(counted(comfy, 0.25, 0.55), (std::vector{3, 4}));  // timesteps 749.25 to 449.55
  for (const CompatKind program : {automatic, a1111, comfy, diffusers})
    EXPECT_EQ(counted(program, 0, 1).size(), 10u);
}

TEST(Compat, ModelsWithoutSignalAtTheEndAreWalkedFromWhereProgramsBegin) {
  const NoiseSchedule zero = NoiseSchedule().with_zero_terminal_snr();
  for (const auto& [program, sigma] : {std::pair(CompatKind::automatic, 4518.7637),
                                       {CompatKind::a1111, 4518.7637},
                                       {CompatKind::comfy, std::hypot(4518.7637, 1)},
                                       {CompatKind::diffusers, 4096}}) {
    const Request request = asked_as_in(program, "Euler", 8, ScheduleKind::trailing);
    const SamplerTable table = sampler_table(request, zero, Prediction::v);
    EXPECT_NEAR(table.start_noise / table.rows[0].input_scale, sigma, 0.01);
  }
}

TEST(Compat, NoiseOfStochasticSamplersIsBrownianWhereItIsThere) {
  for (const char* sampler : {"DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"}) {
    EXPECT_TRUE(table_as_in(asked_as_in(CompatKind::a1111, sampler)).brownian) << sampler;
    EXPECT_TRUE(table_as_in(asked_as_in(CompatKind::comfy, sampler)).brownian) << sampler;
    EXPECT_FALSE(table_as_in(asked_as_in(CompatKind::automatic, sampler)).brownian) << sampler;
    EXPECT_FALSE(table_as_in(asked_as_in(CompatKind::diffusers, sampler)).brownian) << sampler;
  }
  EXPECT_FALSE(table_as_in(asked_as_in(CompatKind::a1111, "Euler a")).brownian);
}

}  // namespace
}  // namespace drypoint

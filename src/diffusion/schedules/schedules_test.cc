#include "diffusion/schedules/schedules.h"

#include <cmath>

#include "checkpoint/formats.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

const NamedTensors& golden() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("samplers/schedules.safetensors")).tensors;
  return tensors;
}

TEST(Schedules, HaveTheSigmasOfTheWebUi) {
  const std::pair<const char*, ScheduleKind> schedules[] = {
      {"uniform", ScheduleKind::uniform},
      {"normal", ScheduleKind::uniform},
      {"karras", ScheduleKind::karras},
      {"exponential", ScheduleKind::exponential},
      {"polyexponential", ScheduleKind::polyexponential},
      {"sgm_uniform", ScheduleKind::sgm_uniform},
      {"simple", ScheduleKind::simple},
      {"ddim", ScheduleKind::ddim},
      {"beta", ScheduleKind::beta},
      {"align_your_steps", ScheduleKind::align_your_steps},
      {"kl_optimal", ScheduleKind::kl_optimal}};
  for (const auto& [name, kind] : schedules)
    for (const int steps : {5, 8, 20, 30}) {
      const std::string full = std::string(name) + "." + std::to_string(steps);
      const Tensor expected = golden().at(full).to_f32();
      const auto levels = make_levels(kind, steps, NoiseSchedule());
      ASSERT_EQ(levels.size(), expected.floats().size()) << full;
      for (size_t i = 0; i < levels.size(); ++i)
        EXPECT_NEAR(levels[i].sigma(), expected.floats()[i], 2e-6 * expected.floats()[i])
            << full << " " << i;
    }
}

TEST(Schedules, KnowTheTimestepsOfSigmas) {
  const NoiseSchedule trained;
  const Tensor sigmas = golden().at("sigma_to_t.sigma").to_f32(),
               timesteps = golden().at("sigma_to_t.t").to_f32();
  for (size_t i = 0; i < sigmas.floats().size(); ++i)
    EXPECT_NEAR(trained.at_sigma(sigmas.floats()[i]).timestep, timesteps.floats()[i], 1e-4);
}

TEST(Schedules, SpaceTimestepsAsDiffusersDoes) {
  // set_timesteps(N) of DDIMScheduler, diffusers 0.42.
  EXPECT_EQ(trailing_timesteps(8), (std::vector<double>{999, 874, 749, 624, 499, 374, 249, 124}));
  EXPECT_EQ(trailing_timesteps(3), (std::vector<double>{999, 666, 332}));
  EXPECT_EQ(linspace_timesteps(5), (std::vector<double>{999, 749, 500, 250, 0}));
  EXPECT_EQ(lcm_timesteps(4), (std::vector<double>{999, 759, 499, 259}));
  EXPECT_EQ(ddim_timesteps(3, ScheduleKind::exact), (std::vector<double>{667, 334, 1}));
}

TEST(Schedules, FallFromStepToStep) {
  const NoiseSchedule trained;
  for (int kind = 1; kind <= static_cast<int>(ScheduleKind::kl_optimal); ++kind)
    for (const int steps : {1, 2, 7, 50, 999}) {
      if (static_cast<ScheduleKind>(kind) == ScheduleKind::official && steps == 999) continue;
      const auto levels = make_levels(static_cast<ScheduleKind>(kind), steps, trained);
      ASSERT_GE(levels.size(), static_cast<size_t>(steps) + 1) << kind;
      for (size_t i = 1; i < levels.size(); ++i)
        EXPECT_LE(levels[i].sigma(), levels[i - 1].sigma() * (1 + 1e-9)) << kind << " " << steps;
    }
}

}  // namespace
}  // namespace drypoint

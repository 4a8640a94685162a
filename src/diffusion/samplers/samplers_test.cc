// Tables run on one number, with a model that is known. Whole runs are in tests/golden.
#include "diffusion/samplers/samplers.h"

#include <cmath>

#include "diffusion/request/sampling.h"
#include "diffusion/schedules/schedules.h"
#include "ops/sampler_update.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// Pictures of one number, normally distributed: the best prediction of the noise is linear.
constexpr double kMean = 0.1, kDeviation = 0.7;

float best_noise(const NoiseLevel& level, double x) {
  const double variance = std::pow(level.signal * kDeviation, 2) + std::pow(level.noise, 2);
  return static_cast<float>(level.noise * (x - level.signal * kMean) / variance);
}

/// Where a walk from `noise` ends; `draws` are its fresh noise.
double end_of(const SamplerTable& table, const NoiseSchedule& trained, double noise,
              const std::vector<double>& draws) {
  std::vector<float> slots(static_cast<size_t>(table.slots), 0.0f);
  slots[0] = static_cast<float>(table.start_noise * noise);
  if (table.start_draw != 0) slots[0] += static_cast<float>(table.start_draw * draws[0]);
  const int count = static_cast<int>(table.slots);
  for (const SamplerTable::Row& row : table.rows) {
    const float output = best_noise(trained.at_timestep(row.timestep), slots[0]);
    const float fresh = row.draw < 0 ? 0 : static_cast<float>(draws[static_cast<size_t>(row.draw)]);
    std::vector<float> next;
    for (int k = 0; k < count; ++k)
      next.push_back(new_slot(&row.matrix[static_cast<size_t>(k * (count + 2))], count,
                              slots.data(), output, fresh));
    slots = next;
  }
  return slots[0];
}

struct Ends {
  double mean, deviation;
};

/// All is linear, so one noise at a time tells the distribution of the ends.
Ends ends_of(const SamplerTable& table, const NoiseSchedule& trained) {
  std::vector<double> draws(table.draws.size(), 0.0);
  const double mean = end_of(table, trained, 0, draws);
  double variance = std::pow(end_of(table, trained, 1, draws) - mean, 2);
  for (double& draw : draws) {
    draw = 1;
    variance += std::pow(end_of(table, trained, 0, draws) - mean, 2);
    draw = 0;
  }
  return {mean, std::sqrt(variance)};
}

struct Named {
  const char* name;
  Sampler function;
  SamplerSettings settings;
  int64_t slots;
  double tolerance;
  bool over_sigma = true;
};

SamplerTable table_of(const Named& sampler, const NoiseSchedule& trained, int steps) {
  Walk walk{.trained = trained,
            .levels = make_levels(ScheduleKind::karras, steps, trained),
            .settings = sampler.settings,
            .start_sigma = 1};
  walk.start_sigma = walk.sigma(0);
  if (!sampler.over_sigma) walk.levels.back() = trained.at(0);
  return make_table(sampler.function, walk);
}

TEST(Samplers, ReachTheDistributionOfWhatTheModelKnows) {
  const NoiseSchedule trained;
  const SamplerSettings none{.eta = 0};
  const SamplerSettings churned{.s_churn = 5, .s_tmin = 0.1, .s_tmax = 10};
  const Named samplers[] = {
      {"euler", euler, {}, 1, 0.04},
      {"euler with churn", euler, churned, 1, 0.06},
      {"euler_ancestral", euler_ancestral, {}, 1, 0.07},
      {"heun", heun, {}, 3, 0.01},
      {"heun with churn", heun, churned, 3, 0.01},
      {"dpm_2", dpm_2, {}, 2, 0.01},
      {"dpm_2_ancestral", dpm_2_ancestral, {}, 2, 0.01},
      {"lms", lms, {.order = 4}, 4, 0.01},
      {"dpmpp_2s_ancestral", dpmpp_2s_ancestral, {}, 2, 0.01},
      {"dpmpp_sde", dpmpp_sde, {}, 2, 0.06},
      {"dpmpp_2m", dpmpp_multistep, {}, 2, 0.01},
      {"dpmpp_2m of order 3", dpmpp_multistep, {.order = 3}, 3, 0.01},
      {"dpmpp_2m heun", dpmpp_multistep, {.solver = Solver::heun}, 2, 0.01},
      {"dpmpp_2m_sde", dpmpp_2m_sde, {}, 2, 0.01},
      {"dpmpp_2m_sde heun", dpmpp_2m_sde, {.solver = Solver::heun}, 2, 0.015},
      {"dpmpp_3m_sde", dpmpp_3m_sde, {}, 3, 0.01},
      {"restart", restart, {}, 3, 0.01},
      {"unipc", unipc, {.order = 3, .solver = Solver::bh2}, 5, 0.01},
      {"unipc bh1", unipc, {.order = 2, .solver = Solver::bh1}, 4, 0.01},
      {"deis", deis, {.order = 3}, 3, 0.01},
      {"ddim", ddim, none, 1, 0.04, false},
      {"ddim with noise", ddim, {}, 1, 0.07, false},
      {"plms", plms, {}, 4, 0.01, false},
      {"tcd", tcd, none, 1, 0.06, false},
  };
  for (const Named& sampler : samplers) {
    const SamplerTable table = table_of(sampler, trained, 40);
    EXPECT_EQ(table.slots, sampler.slots) << sampler.name;
    const Ends ends = ends_of(table, trained);
    EXPECT_NEAR(ends.mean, kMean, sampler.tolerance) << sampler.name;
    EXPECT_NEAR(ends.deviation, kDeviation, sampler.tolerance) << sampler.name;
  }
}

TEST(Samplers, OfManyKindsTakeOneStep) {
  const NoiseSchedule trained;
  for (const Sampler sampler :
       {euler, euler_ancestral, heun, dpm_2, dpm_2_ancestral, lms, dpmpp_2s_ancestral, dpmpp_sde,
        dpmpp_multistep, dpmpp_2m_sde, dpmpp_3m_sde, restart, unipc, deis, ddim, plms, lcm, tcd}) {
    const SamplerTable table = table_of({"", sampler, {}, 1, 0}, trained, 1);
    EXPECT_EQ(table.steps, 1);
    EXPECT_TRUE(std::isfinite(end_of(table, trained, 1, {1}))) << table.rows.size();
  }
}

TEST(TableBuilder, KeepsWhatIsReadLater) {
  const NoiseSchedule trained;
  TableBuilder builder(Prediction::epsilon);
  const Latent x = builder.start();
  builder.begin_step();
  const Latent first = builder.evaluate(x, trained.at(900), 0.5);
  builder.begin_step();
  const Latent second = builder.evaluate(x + 2 * first, trained.at(500));
  const Latent fresh = builder.draw(2, 1);
  const SamplerTable table = builder.finish(3 * x + second + 4 * fresh);
  EXPECT_EQ(table.slots, 2);
  EXPECT_EQ(table.steps, 2);
  EXPECT_EQ(table.start_noise, 0.5);
  ASSERT_EQ(table.rows.size(), 2u);
  // The model saw x / 2: slot 0 becomes x + 2 e, slot 1 keeps x.
  EXPECT_EQ(table.rows[0].matrix, (std::vector<float>{2, 0, 2, 0, 2, 0, 0, 0}));
  EXPECT_EQ(table.rows[1].matrix, (std::vector<float>{0, 3, 1, 4, 0, 0, 0, 0}));
  EXPECT_EQ(table.rows[0].draw, -1);
  EXPECT_EQ(table.rows[1].draw, 0);
  EXPECT_EQ(table.rows[1].timestep, 500);
}

TEST(TableBuilder, TurnsPredictionsIntoEachOther) {
  // A sample of known parts, seen by models of each kind, gives these parts.
  const NoiseLevel level = NoiseSchedule().at(600);
  const double clean = 0.3, noise = -1.2, x = level.signal * clean + level.noise * noise;
  const std::pair<Prediction, double> kinds[] = {
      {Prediction::epsilon, noise},
      {Prediction::v, level.signal * noise - level.noise * clean},
      {Prediction::sample, clean}};
  for (const auto& [kind, output] : kinds)
    for (const bool wants_clean : {true, false}) {
      TableBuilder builder(kind);
      const auto parts = builder.predict(builder.start(), level);
      const SamplerTable table = builder.finish(wants_clean ? parts.clean : parts.noise);
      const float seen = static_cast<float>(x);
      EXPECT_NEAR(new_slot(table.rows[0].matrix.data(), 1, &seen, static_cast<float>(output), 0),
                  wants_clean ? clean : noise, 1e-5);
    }
}

}  // namespace
}  // namespace drypoint

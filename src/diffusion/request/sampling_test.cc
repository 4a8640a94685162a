#include "diffusion/request/sampling.h"

#include <algorithm>
#include <climits>
#include <cmath>

#include "checkpoint/formats.h"
#include "diffusion/noise/random.h"
#include "diffusion/schedules/schedules.h"
#include "ops/sampler_update.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;
using testing::fails_with;
using Steps = std::vector<double>;

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
    const Steps falling(expected.rbegin(), expected.rend());
    EXPECT_EQ(ddim_timesteps(steps, ScheduleKind::official), falling) << name;
    const Steps first(falling.end() - steps, falling.end());
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
    EXPECT_LT(exact.front(), 1000) << n;
    if (fails(n))
      EXPECT_TRUE(fails_with(ErrorKind::bad_argument,
                             {"steps: " + std::to_string(n), "official", "1000"},
                             [&] { ddim_timesteps(n, ScheduleKind::official); }));
    else
      EXPECT_LT(ddim_timesteps(n, ScheduleKind::official).front(), 1000) << n;
  }
}

SamplerTable ddim_table(int steps, double eta, ScheduleKind schedule = ScheduleKind::exact) {
  Request request;
  request.steps = steps;
  request.schedule = schedule;
  request.eta = eta;
  return sampler_table(request, NoiseSchedule());
}

TEST(Schedule, HasOneTo999Steps) {
  for (const int n : {-1, 0, 1000, INT_MAX, INT_MIN})
    for (const auto kind : {ScheduleKind::exact, ScheduleKind::official, ScheduleKind::karras})
      EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"steps: " + std::to_string(n), "1 to 999"},
                             [&] { ddim_table(n, 0, kind); }));
}

TEST(Schedule, WalksFromNoiseToPicture) {
  const auto alphas = default_alphas_cumprod();
  const auto levels = make_levels(ScheduleKind::exact, 10, NoiseSchedule(), NoiseSchedule().at(0));
  ASSERT_EQ(levels.size(), 11u);
  EXPECT_EQ(levels.front().timestep, 901);
  EXPECT_EQ(levels[9].timestep, 1);
  EXPECT_EQ(levels[10].timestep, 0);
  for (const NoiseLevel& level : levels) {
    const double alpha = alphas[static_cast<size_t>(level.timestep)];
    EXPECT_NEAR(level.signal, std::sqrt(alpha), 1e-15);
    EXPECT_NEAR(level.noise, std::sqrt(1 - alpha), 1e-15);
  }
}

TEST(Schedule, OfNoiseKnowsWhatLiesBetweenTimesteps) {
  const NoiseSchedule trained;
  for (const double t : {0.0, 0.25, 1.0, 500.75, 998.5, 999.0}) {
    const NoiseLevel level = trained.at_timestep(t);
    EXPECT_NEAR(trained.at_sigma(level.sigma()).timestep, t, 1e-9);
    EXPECT_NEAR(std::hypot(level.signal, level.noise), 1, 1e-15);
  }
  EXPECT_NEAR(std::log(trained.at_timestep(500.75).sigma()),
              0.25 * std::log(trained.sigma(500)) + 0.75 * std::log(trained.sigma(501)), 1e-12);
  EXPECT_EQ(trained.at_sigma(1000).timestep, 999);
  EXPECT_NEAR(trained.at_sigma(1000).sigma(), 1000, 1e-9);
  EXPECT_EQ(trained.at_sigma(1e-3).timestep, 0);
  EXPECT_EQ(trained.at_sigma(0).noise, 0);
}

TEST(Schedule, OfNoiseCanEndWithoutSignal) {
  const NoiseSchedule usual, zero = usual.with_zero_terminal_snr();
  EXPECT_EQ(zero.at(999).signal, 0);
  EXPECT_EQ(zero.at(999).noise, 1);
  EXPECT_NEAR(zero.at(0).signal, usual.at(0).signal, 1e-7);
  EXPECT_NEAR(usual.with_zero_terminal_snr(4.8973451890853435e-08f).sigma(999), 4518.7637, 0.01);
  EXPECT_NEAR(zero.sigma(998), 2254.2268, 0.01);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"epsilon", "999"}, [&] {
    make_table(ddim, {zero, make_levels(ScheduleKind::trailing, 4, zero), {.eta = 0}, 1});
  }));
  const auto table = make_table(
      ddim, {zero, make_levels(ScheduleKind::trailing, 4, zero), {.eta = 0}, 1}, Prediction::v);
  for (const auto& row : table.rows)
    for (const float share : row.matrix) EXPECT_TRUE(std::isfinite(share));
}

TEST(Schedule, RefusesNoiseLevelsThatMakeNoSense) {
  const auto refused = [](size_t size, size_t at, float value, const char* part) {
    auto alphas = default_alphas_cumprod();
    alphas.resize(size);
    if (at < size) alphas[at] = value;
    return fails_with(ErrorKind::bad_file, {"model.ckpt", part},
                      [&] { NoiseSchedule(alphas, "model.ckpt"); });
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
  EXPECT_EQ(guide(1, 2, 9), 10);
  EXPECT_EQ(guide(-2, -2, 9), -2);
  EXPECT_EQ(guide(0.5f, -0.5f, 9), -8.5f);
  EXPECT_EQ(guide(1, 2, 1), 2);
}

TEST(Sampler, DdimFollowsThePathOfATruePrediction) {
  // If the prediction is the noise that was mixed in, a step gives the same picture with less
  // noise.
  std::vector<float> picture(64), noise(64);
  const auto generator = make_generator({}, 1);
  generator->randn(picture);
  generator->randn(noise);
  const auto mixed = [&](const NoiseLevel& level) {
    std::vector<float> values(64);
    for (size_t i = 0; i < 64; ++i)
      values[i] = static_cast<float>(level.signal * picture[i] + level.noise * noise[i]);
    return values;
  };
  const auto levels =
      make_levels(ScheduleKind::official, 7, NoiseSchedule(), NoiseSchedule().at(0));
  const SamplerTable table = ddim_table(7, 0, ScheduleKind::official);
  ASSERT_EQ(table.rows.size(), levels.size() - 1);
  for (size_t step = 0; step < table.rows.size(); ++step) {
    std::vector<float> x = mixed(levels[step]);
    for (size_t i = 0; i < 64; ++i)
      x[i] = new_slot(table.rows[step].matrix.data(), 1, &x[i], noise[i], 0);
    EXPECT_TRUE(close(x, mixed(levels[step + 1]), 2e-6)) << step;
  }
}

TEST(Sampler, DdimAddsNoiseAtEta) {
  const auto alphas = default_alphas_cumprod();
  const SamplerTable table = ddim_table(10, 0.7);
  ASSERT_EQ(table.draws.size(), 10u);
  for (size_t step = 0; step < 10; ++step) {  // formulas 12 and 16, in float64
    const double a = alphas[901 - step * 100], p = alphas[step < 9 ? 801 - step * 100 : 0];
    const double sigma = 0.7 * std::sqrt((1 - p) / (1 - a) * (1 - a / p));
    const float x = 1;
    const double clean = (1 - std::sqrt(1 - a) * 0.5) / std::sqrt(a);
    EXPECT_NEAR(new_slot(table.rows[step].matrix.data(), 1, &x, 0.5f, -2.0f),
                std::sqrt(p) * clean + std::sqrt(1 - p - sigma * sigma) * 0.5 - 2 * sigma, 2e-6);
    EXPECT_EQ(table.rows[step].draw, static_cast<int>(step));
  }
  // eta 1 is DDPM, whose posterior leaves room; far more does not.
  EXPECT_GT(ddim_table(999, 1).rows.front().matrix[2], 0.1f);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"eta: 5"}, [&] { ddim_table(10, 5); }));
  for (const double eta : {-0.1, double{INFINITY}, double{NAN}})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"eta"}, [&] { ddim_table(10, eta); }));
}

/// Against diffusers' DDIMScheduler of each spacing, for a model that gives 0.3 x + 0.1 sin(t /
/// 100), at numbers of steps that divide 1000 and others.
TEST(Sampler, DdimGoesBackAsDiffusersDoes) {
  const struct {
    ScheduleKind spacing;
    int steps;
    float expected[2];
  } cases[] = {{ScheduleKind::trailing, 8, {6.061922745692648f, -3.042214571991251f}},
               {ScheduleKind::trailing, 30, {5.336959466944099f, -2.851163273341375f}},
               {ScheduleKind::trailing, 7, {6.125095076254725f, -3.035583864841377f}},
               {ScheduleKind::linspace, 8, {5.122931625866609f, -2.551050232575723f}},
               {ScheduleKind::linspace, 30, {5.077769466787694f, -2.710510261800456f}},
               {ScheduleKind::linspace, 7, {5.079531090775829f, -2.4905410921853357f}}};
  for (const auto& [spacing, steps, expected] : cases) {
    std::vector<float> x{1, -0.5f};
    for (const auto& row : ddim_table(steps, 0, spacing).rows)
      for (float& value : x) {
        const float output = 0.3f * value + 0.1f * std::sin(static_cast<float>(row.timestep) / 100);
        value = new_slot(row.matrix.data(), 1, &value, output, 0);
      }
    EXPECT_TRUE(close(x, expected, 2e-5)) << name(spacing) << " " << steps;
  }
}

Request with_sampler(const std::string& sampler, ScheduleKind schedule = {}) {
  Request request;
  request.sampler = sampler;
  request.schedule = schedule;
  return request;
}

TEST(SamplerNames, AreThoseOfManyPrograms) {
  const auto same = [](const std::string& a, const std::string& b) {
    return choose_sampler(a).sampler.name == choose_sampler(b).sampler.name;
  };
  EXPECT_TRUE(same("DPM++ 2M", "dpmpp_2m"));
  EXPECT_TRUE(same("DPM++ 2M", "dpm++  2m"));
  EXPECT_TRUE(same("DPM++ 2M", "k_dpmpp_2m_ka"));
  EXPECT_TRUE(same("Euler a", "EulerAncestralDiscreteScheduler"));
  EXPECT_TRUE(same("Euler a", "EULER A"));
  EXPECT_TRUE(same("UniPC", "uni_pc"));
  EXPECT_FALSE(same("Euler", "Euler a"));
  EXPECT_EQ(choose_sampler("DPM++ 2M SDE Heun Karras").sampler.name, "DPM++ 2M SDE Heun");
  EXPECT_EQ(choose_sampler("DPM++ 2M SDE Heun Karras").schedule, ScheduleKind::karras);
  EXPECT_EQ(choose_sampler("dpmpp_2m sgm_uniform").schedule, ScheduleKind::sgm_uniform);
  EXPECT_EQ(choose_sampler("DPM++ 3M SDE Exponential").schedule, ScheduleKind::exponential);
  EXPECT_EQ(choose_sampler("Euler", ScheduleKind::beta).schedule, ScheduleKind::beta);
  EXPECT_EQ(choose_sampler("Euler Karras", ScheduleKind::karras).schedule, ScheduleKind::karras);
  for (const NamedSampler& sampler : named_samplers()) {
    EXPECT_EQ(&choose_sampler(sampler.name).sampler, &sampler);
    EXPECT_EQ(choose_sampler(sampler.name).schedule, sampler.schedule);
    for (const auto other : sampler.other_names)
      EXPECT_EQ(&choose_sampler(other).sampler, &sampler) << other;
  }
  for (int kind = 0; kind <= static_cast<int>(ScheduleKind::lcm); ++kind) {
    EXPECT_EQ(schedule_named(name(static_cast<ScheduleKind>(kind))), ScheduleKind{uint8_t(kind)});
    EXPECT_EQ(schedule_named(label(static_cast<ScheduleKind>(kind))), ScheduleKind{uint8_t(kind)});
  }
}

TEST(SamplerNames, AreGuessedWhereTheyAreNone) {
  const auto refused = [](const std::string& name, std::initializer_list<std::string> parts) {
    return fails_with(ErrorKind::bad_argument, parts, [&] { choose_sampler(name); });
  };
  EXPECT_TRUE(refused("DPM+ 2M", {"sampler: \"DPM+ 2M\"", "mean \"DPM++ 2M\"", "Euler a"}));
  EXPECT_TRUE(refused("eular", {"mean \"Euler\""}));
  EXPECT_TRUE(refused("", {"sampler: \"\""}));
  EXPECT_TRUE(refused("Euler Caras", {"sampler: \"Euler Caras\""}));
  EXPECT_TRUE(refused(std::string(1 << 20, 'x'), {"did you mean"}));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"schedule: \"karas\"", "mean \"karras\""},
                         [] { schedule_named("karas"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"schedule: \"beta\"", "Euler Karras"},
                         [] { choose_sampler("Euler Karras", ScheduleKind::beta); }));
}

TEST(Sampler, RefusesSettingsWithoutEffect) {
  const auto refused = [](const std::string& sampler, const char* part,
                          const std::function<void(Request&)>& set) {
    Request request = with_sampler(sampler);
    set(request);
    return fails_with(ErrorKind::bad_argument, {part},
                      [&] { sampler_table(request, NoiseSchedule()); });
  };
  EXPECT_TRUE(refused("Euler", "eta: 0.5", [](Request& r) { r.eta = 0.5; }));
  EXPECT_TRUE(refused("DDIM", "s_churn: 1", [](Request& r) { r.s_churn = 1; }));
  EXPECT_TRUE(refused("DPM++ 2M", "s_noise: 2", [](Request& r) { r.s_noise = 2; }));
  EXPECT_TRUE(refused("Euler a", "s_tmax: 2", [](Request& r) { r.s_tmax = 2; }));
  EXPECT_TRUE(refused("Euler a", "s_noise: -1", [](Request& r) { r.s_noise = -1; }));
  EXPECT_TRUE(refused("Euler", "s_tmin: nan", [](Request& r) { r.s_tmin = NAN; }));
  EXPECT_TRUE(refused("TCD", "eta: 1.5", [](Request& r) { r.eta = 1.5; }));
  EXPECT_TRUE(refused("LCM", "steps: 51", [](Request& r) { r.steps = 51; }));
}

TEST(Sampler, VisitsLevelsThatAreToldOneByOne) {
  const NoiseSchedule trained;
  Request by_name = with_sampler("Euler", ScheduleKind::karras);
  by_name.steps = 4;
  const auto levels = make_levels(ScheduleKind::karras, 4, trained);
  Request told = with_sampler("Euler");
  told.steps = 4;
  for (const NoiseLevel& level : levels) told.sigmas.push_back(level.sigma());
  const SamplerTable expected = sampler_table(by_name, trained),
                     found = sampler_table(told, trained);
  ASSERT_EQ(found.rows.size(), expected.rows.size());
  for (size_t i = 0; i < found.rows.size(); ++i) {
    EXPECT_NEAR(found.rows[i].timestep, expected.rows[i].timestep, 1e-6);
    EXPECT_NEAR(found.rows[i].matrix[0], expected.rows[i].matrix[0], 1e-6);
  }
  told.timesteps = {900, 600, 300, 300};  // what the model is told
  EXPECT_EQ(sampler_table(told, trained).rows[1].timestep, 600);
  EXPECT_EQ(sampler_table(told, trained).rows[1].matrix, found.rows[1].matrix);

  Request timesteps = with_sampler("DDIM");
  timesteps.steps = 2;
  timesteps.timesteps = {700, 200.5};
  EXPECT_EQ(sampler_table(timesteps, trained).rows[1].timestep, 200.5);
}

TEST(Sampler, RefusesLevelsThatDoNotFall) {
  const auto refused = [](const std::string& sampler, const char* part,
                          const std::function<void(Request&)>& set) {
    Request request = with_sampler(sampler);
    request.steps = 2;
    set(request);
    return fails_with(ErrorKind::bad_argument, {part},
                      [&] { sampler_table(request, NoiseSchedule()); });
  };
  EXPECT_TRUE(refused("Euler", "sigmas: 2 numbers, expected 3", [](Request& r) {
    r.sigmas = {2, 1};
  }));
  EXPECT_TRUE(refused("Euler", "sigmas: 2 as number 2", [](Request& r) { r.sigmas = {2, 2, 0}; }));
  EXPECT_TRUE(refused("Euler", "sigmas: nan", [](Request& r) { r.sigmas = {2, NAN, 0}; }));
  EXPECT_TRUE(refused("Euler", "sigmas: inf", [](Request& r) { r.sigmas = {INFINITY, 1, 0}; }));
  EXPECT_TRUE(refused("Euler", "sigmas: -1", [](Request& r) { r.sigmas = {2, 1, -1}; }));
  EXPECT_TRUE(refused("DDIM", "sigmas: the sampler DDIM", [](Request& r) {
    r.sigmas = {2, 1, 0};
  }));
  EXPECT_TRUE(refused("Euler", "timesteps: 1000", [](Request& r) { r.timesteps = {1000, 1}; }));
  EXPECT_TRUE(refused("Euler", "timesteps: 5 as number 2", [](Request& r) {
    r.timesteps = {5, 5};
  }));
  EXPECT_TRUE(refused("Euler", "schedule: karras", [](Request& r) {
    r.timesteps = {5, 4};
    r.schedule = ScheduleKind::karras;
  }));
}

TEST(Sampler, ObeysItsSolversSettings) {
  const auto table = [](const std::string& sampler, const std::function<void(Request&)>& set) {
    Request request = with_sampler(sampler);
    request.steps = 8;
    set(request);
    return sampler_table(request, NoiseSchedule());
  };
  const auto nothing = [](Request&) {};
  for (const NamedSampler& sampler : named_samplers()) {
    const std::string name(sampler.name);
    for (const int order : {1, 2, 3, 4}) {
      const auto set = [&](Request& r) { r.solver_order = order; };
      if (order > sampler.highest_order) {
        EXPECT_TRUE(
            fails_with(ErrorKind::bad_argument, {"solver_order"}, [&] { table(name, set); }));
      } else {
        EXPECT_EQ(table(name, set) == table(name, nothing), order == sampler.settings.order)
            << name;
      }
    }
    for (const Solver solver : {Solver::midpoint, Solver::heun, Solver::bh1, Solver::bh2}) {
      const auto set = [&](Request& r) { r.solver_type = solver; };
      if (std::ranges::count(sampler.solvers, solver) == 0) {
        EXPECT_TRUE(
            fails_with(ErrorKind::bad_argument, {"solver_type"}, [&] { table(name, set); }));
      } else {
        EXPECT_EQ(table(name, set) == table(name, nothing), solver == sampler.settings.solver)
            << name;
      }
    }
  }
  const auto ends = [](LowerOrder lower) {
    return [=](Request& r) {
      r.solver_order = 3;
      r.sigmas = {14, 8, 5, 3, 2, 1, 0.5, 0.2, 0.03};
      r.lower_order_final = lower;
    };
  };
  const auto off = table("DPM++ 2M", ends(LowerOrder::off));
  const auto on = table("DPM++ 2M", ends(LowerOrder::on));
  const auto last = table("DPM++ 2M", ends(LowerOrder::last));
  EXPECT_EQ(table("DPM++ 2M", ends(LowerOrder::automatic)), off);
  EXPECT_NE(on.rows.back().matrix, off.rows.back().matrix);
  EXPECT_EQ(on.rows.back().matrix, last.rows.back().matrix);  // of the first order both
  EXPECT_EQ(last.rows[5].matrix, off.rows[5].matrix);
  EXPECT_NE(on, last);
  const auto whole = [](Request& r) { r.first_noise = FirstNoise::whole; };
  const double sigma = table("Euler", nothing).start_noise;
  EXPECT_GT(table("Euler", whole).start_noise, sigma);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"first_noise"}, [&] { table("DDIM", whole); }));
}

TEST(Schedule, SpreadsSigmasBetweenTwo) {
  EXPECT_EQ(sigmas_between(ScheduleKind::karras, 3, 0.5, 2), karras_sigmas(3, 0.5, 2));
  EXPECT_EQ(sigmas_between(ScheduleKind::beta, 1, 2, 2), std::vector<double>{2});
  const auto refused = [](ScheduleKind kind, int64_t count, double low, double high) {
    return fails_with(ErrorKind::bad_argument, {}, [&] { sigmas_between(kind, count, low, high); });
  };
  EXPECT_TRUE(refused(ScheduleKind::lcm, 3, 1, 2));
  EXPECT_TRUE(refused(ScheduleKind::karras, 0, 1, 2));
  EXPECT_TRUE(refused(ScheduleKind::karras, 3, 2, 1));
  EXPECT_TRUE(refused(ScheduleKind::karras, 3, 0, 1));
  EXPECT_TRUE(refused(ScheduleKind::karras, 3, 1, NAN));
}

TEST(Sampler, TakesAsManyStepsAsAskedForOnEverySchedule) {
  const NoiseSchedule trained;
  for (const NamedSampler& sampler : named_samplers())
    for (int kind = 0; kind <= static_cast<int>(ScheduleKind::lcm); ++kind)
      for (const int steps : {1, 3, 10}) {
        Request request = with_sampler(std::string(sampler.name), ScheduleKind{uint8_t(kind)});
        if (request.schedule == ScheduleKind::official && steps == 3) continue;
        request.steps = steps;
        const SamplerTable table = sampler_table(request, trained);
        EXPECT_GE(table.steps, steps) << sampler.name << " " << kind;
        EXPECT_LE(table.slots, kMostSlots);
        for (const auto& row : table.rows)
          for (const float share : row.matrix)
            ASSERT_TRUE(std::isfinite(share)) << sampler.name << " " << kind << " " << steps;
      }
}

}  // namespace
}  // namespace drypoint

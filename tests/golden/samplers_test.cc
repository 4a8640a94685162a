// Every sampler, step by step, against k-diffusion's and diffusers' latents.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/noise/random.h"
#include "diffusion/request/sampling.h"
#include "golden/golden_test_base.h"
#include "golden/step_by_step.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;

const NamedTensors& golden() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("samplers/runs.safetensors")).tensors;
  return tensors;
}

std::vector<double> numbers(const std::string& name) {
  const Tensor values = golden().at(name).to_f32();
  return {values.floats().begin(), values.floats().end()};
}

drypoint::Stages& tiny_model() {
  static drypoint::Stages model(testing::tiny_files(), testing::tested_device());
  return model;
}

struct SamplerCase {
  std::string name, sampler;
  json entry;
  bool diffusers() const { return entry["library"] != "k-diffusion"; }
};

std::vector<SamplerCase> sampler_cases() {
  std::vector<SamplerCase> cases;
  for (const auto& entry : json::parse(read_file(testing::data("samplers/cases.json"))))
    cases.push_back({entry["name"], entry["sampler"], entry});
  return cases;
}

Sampler function_of(const std::string& name) {
  static const std::map<std::string, Sampler> functions{
      {"euler", euler},
      {"euler_ancestral", euler_ancestral},
      {"heun", heun},
      {"dpm_2", dpm_2},
      {"dpm_2_ancestral", dpm_2_ancestral},
      {"lms", lms},
      {"dpmpp_2s_ancestral", dpmpp_2s_ancestral},
      {"dpmpp_sde", dpmpp_sde},
      {"dpmpp_2m", dpmpp_multistep},
      {"dpmpp_2m_sde", dpmpp_2m_sde},
      {"dpmpp_3m_sde", dpmpp_3m_sde},
      {"DDIMScheduler", ddim},
      {"PNDMScheduler", plms},
      {"UniPCMultistepScheduler", unipc},
      {"DPMSolverMultistepScheduler", dpmpp_multistep},
      {"DEISMultistepScheduler", deis},
      {"LCMScheduler", lcm},
      {"TCDScheduler", tcd},
      {"EulerDiscreteScheduler", euler},
      {"EulerAncestralDiscreteScheduler", euler_ancestral}};
  return functions.at(name);
}

SamplerSettings settings_of(const SamplerCase& c) {
  const json options = c.entry.value("options", c.entry.value("step_arguments", json::object()));
  const json config = c.entry.value("config", json::object());
  const std::string solver = options.value("solver_type", config.value("solver_type", "midpoint"));
  SamplerSettings settings;
  settings.eta = options.value("eta", c.sampler == "DDIMScheduler" ? 0.0 : 1.0);
  settings.s_noise = options.value("s_noise", 1.0);
  settings.s_churn = options.value("s_churn", 0.0);
  settings.s_tmin = options.value("s_tmin", 0.0);
  settings.s_tmax = options.value("s_tmax", settings.s_tmax);
  settings.order = options.value("order", config.value("solver_order", c.sampler == "lms" ? 4 : 2));
  settings.solver = solver == "heun"  ? Solver::heun
                    : solver == "bh1" ? Solver::bh1
                    : solver == "bh2" ? Solver::bh2
                                      : Solver::midpoint;
  return settings;
}

Prediction prediction_of(const SamplerCase& c) {
  const json config = c.entry.value("config", json::object());
  const bool v = c.entry.value("prediction", "") == "v" ||
                 config.value("prediction_type", "") == "v_prediction";
  return v ? Prediction::v : Prediction::epsilon;
}

/// What the model was trained on, as the case has it.
NoiseSchedule trained_for(const SamplerCase& c) {
  const json config = c.entry.value("config", json::object());
  if (!config.value("rescale_betas_zero_snr", c.name.ends_with("zero_snr"))) return NoiseSchedule();
  const float last = !c.diffusers()                 ? 4.8973451890853435e-08f
                     : c.sampler == "DDIMScheduler" ? 0.0f
                                                    : 0x1p-24f;
  return NoiseSchedule().with_zero_terminal_snr(last);
}

/// The levels that the reference visited, as it wrote them down.
std::vector<NoiseLevel> levels_of(const SamplerCase& c, const NoiseSchedule& trained) {
  std::vector<double> timesteps;
  if (golden().has(c.name + ".timesteps")) timesteps = numbers(c.name + ".timesteps");
  std::vector<NoiseLevel> levels;
  if (c.sampler == "PNDMScheduler") timesteps.erase(timesteps.begin() + 1);  // it comes twice
  if (!golden().has(c.name + ".sigmas")) {
    for (const double timestep : timesteps) levels.push_back(trained.at_timestep(timestep));
    const bool ends_at_first =
        c.sampler == "DDIMScheduler" || c.sampler == "PNDMScheduler" || c.sampler == "TCDScheduler";
    levels.push_back(ends_at_first ? trained.at(0) : kNoNoise);
    return levels;
  }
  for (const double sigma : numbers(c.name + ".sigmas")) levels.push_back(trained.at_sigma(sigma));
  if (c.diffusers())  // rounds timesteps
    for (size_t i = 0; i < timesteps.size(); ++i) levels[i].timestep = timesteps[i];
  return levels;
}

SamplerTable table_of(const SamplerCase& c, const NoiseSchedule& trained) {
  Walk walk{.trained = trained,
            .levels = levels_of(c, trained),
            .settings = settings_of(c),
            .start_sigma = 1};
  walk.start_sigma = walk.sigma(0);
  if (c.diffusers() && walk.steps() < 15) walk.settings.lower_order_final = LowerOrder::on;
  if (c.diffusers() && c.entry["init_noise_sigma"] != 1.0) {
    walk.start_sigma = c.entry["init_noise_sigma"];
  } else if (c.diffusers()) {
    walk.start_sigma = 1 / walk.level(0).signal;
    walk.end_scale = walk.levels.back().signal;
  }
  Sampler sampler = function_of(c.sampler);
  if (c.entry.value("config", json::object()).value("algorithm_type", "") == "sde-dpmsolver++")
    sampler = dpmpp_2m_sde;
  return make_table(sampler, walk, prediction_of(c));
}

/// The sample after each step, from the start on.
std::vector<std::vector<float>> run(const SamplerCase& c, const SamplerTable& table) {
  drypoint::Stages& model = tiny_model();
  model.begin();
  Request request;
  request.guidance_scale = c.entry["guidance_scale"];
  request.image = read_image(testing::data("samplers/" + c.entry["hint"].get<std::string>())).image;
  const ImageSize size{request.image.width, request.image.height};
  const DenoiserShape shape = denoiser_shape(model, request, size, table);
  std::vector<float> context;
  const auto add = [&](const std::string& text) {
    const Tensor values = golden().at("context." + text).to_f32();
    context.insert(context.end(), values.floats().begin(), values.floats().end());
  };
  if (shape.prompts > 1) add(c.entry["negative"]);
  add(c.entry["prompt"]);
  Executor& denoiser = model.denoiser(shape);
  set_picture_inputs(denoiser, shape, table, context, request.image, request);
  denoiser.run(Rate::picture);

  const auto generator = make_generator({}, c.entry["seed"].get<uint64_t>());
  const auto draw = [&] {
    std::vector<float> values(static_cast<size_t>(4 * shape.height * shape.width));
    generator->randn(values);
    return values;
  };
  const auto noise = draw();
  std::vector<std::vector<float>> draws(table.draws.size());
  for (auto& values : draws) values = draw();

  DenoiseLoop loop(denoiser, shape, table);
  loop.begin(noise, {draws.begin(), draws.end()});
  std::vector<std::vector<float>> latents;
  // diffusers' own latents are those that the model sees, but for Euler's; PNDM counts evaluations.
  const bool as_seen = c.diffusers() && c.entry["init_noise_sigma"] == 1.0;
  int step = -1;
  while (!loop.done()) {
    const SamplerTable::Row& row = table.rows[loop.row()];
    if (row.step != step || c.sampler == "PNDMScheduler") {
      const double scale = as_seen ? 1 : row.input_scale;
      auto& latent = latents.emplace_back();
      for (const float value : loop.first_slot())
        latent.push_back(static_cast<float>(value / scale));
      step = row.step;
    }
    loop.run();
  }
  latents.emplace_back(loop.first_slot().begin(), loop.first_slot().end());
  return latents;
}

class Samplers : public ::testing::TestWithParam<SamplerCase> {};

TEST_P(Samplers, FollowTheReferenceStepByStep) {
  const SamplerCase& c = GetParam();
  const SamplerTable table = table_of(c, trained_for(c));
  const auto latents = run(c, table);
  const Tensor expected = golden().at(c.name + ".latents").to_f32();
  const size_t one = latents[0].size();
  ASSERT_EQ(expected.floats().size(), latents.size() * one);
  const double of_latents = std::max(5e-6, 5 * c.entry["float64_difference"].get<double>()),
               of_steps = std::max(1e-3, 4 * c.entry["float64_step_difference"].get<double>());
  const auto [worst, worst_step] = testing::distances(latents, expected.floats());
  EXPECT_LE(worst, of_latents);
  EXPECT_LE(worst_step, of_steps);
  RecordProperty("latents", std::to_string(worst / of_latents));
  RecordProperty("steps", std::to_string(worst_step / of_steps));
}

/// What each draw is for: what a Brownian path needs.
TEST_P(Samplers, DrawAsTheReferenceDraws) {
  const SamplerCase& c = GetParam();
  const SamplerTable table = table_of(c, trained_for(c));
  const json uses = c.entry.value("noise_uses", json());
  if (!uses.is_array()) return;
  ASSERT_EQ(table.draws.size(), uses.size());
  for (size_t i = 0; i < uses.size(); ++i) {
    const double from = uses[i][1], to = uses[i][2];
    EXPECT_NEAR(table.draws[i].from, from, 1e-6 * from + 1e-6);
    EXPECT_NEAR(table.draws[i].to, to, 1e-6 * to + 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Samplers, ::testing::ValuesIn(sampler_cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace drypoint

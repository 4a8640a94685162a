// Several ControlNets, their modes and intervals, step by step against diffusers' latents.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/noise/random.h"
#include "diffusion/phases.h"
#include "diffusion/request/compat.h"
#include "diffusion/request/sampling.h"
#include "diffusion/units.h"
#include "golden/golden_test_base.h"
#include "golden/step_by_step.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;

const NamedTensors& golden_controls() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("controls/runs.safetensors")).tensors;
  return tensors;
}

drypoint::Stages& controlled_model() {
  static drypoint::Stages model(
      {.model = testing::tiny_model_path(),
       .controls = {{"first", testing::tiny_control_path()},
                    {"second", testing::data("controls/control2.safetensors")}}},
      testing::tested_device());
  return model;
}

Control control_of(const json& unit) {
  Control control;
  control.name = unit["control"] == 0 ? "first" : "second";
  control.image = read_image(testing::data("controls/" + unit["hint"].get<std::string>())).image;
  control.preprocessor = "none";
  control.weight = unit["weight"];
  control.start = unit["start"];
  control.end = unit["end"];
  control.mode = unit["only_cond"] ? ControlMode::control
                 : unit["soft"]    ? ControlMode::prompt
                                   : ControlMode::balanced;
  return control;
}

Request request_of(const json& entry) {
  Request request;
  request.steps = entry["steps"];
  request.guidance_scale = entry["guidance_scale"];
  request.eta = entry["eta"];
  request.size = {entry["size"][1], entry["size"][0]};
  for (const json& unit : entry["units"]) request.controls.push_back(control_of(unit));
  return request;
}

/// The latents before the first step, and after each.
std::vector<std::vector<float>> latents_of(const json& entry) {
  drypoint::Stages& model = controlled_model();
  model.begin();
  const Request request = request_of(entry);
  const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
  std::vector<std::string> notices;
  const std::vector<Unit> units = units_of(request, model, request.size, true, notices);
  const Phases phases = phases_of(request, units, true, table);
  std::vector<float> context;
  for (const char* prompt : {"negative", "prompt"}) {
    const Tensor values = golden_controls().at("context." + entry[prompt].get<std::string>());
    context.insert(context.end(), values.floats().begin(), values.floats().end());
  }
  std::vector<DenoiserShape> shapes;
  for (const Phase& phase : phases.all)
    shapes.push_back(shape_in(phase, denoiser_shape(model, request, request.size, table), units));
  std::vector<Executor*> denoisers;
  for (size_t i = 0; i < shapes.size(); ++i) {
    Executor& denoiser = *denoisers.emplace_back(&model.denoiser(shapes[i]));
    UnitSet set;
    for (const size_t unit : phases.all[i].units) set.push_back(&units[unit]);
    set_picture_inputs(denoiser, shapes[i], table, set);
    denoiser.set_input("context", context);
    denoiser.set_input("guidance_scale",
                       std::vector<float>{static_cast<float>(request.guidance_scale)});
    denoiser.run(Rate::picture);
  }
  std::vector<float> noise(static_cast<size_t>(4 * shapes[0].height * shapes[0].width));
  make_generator({}, entry["seed"].get<uint64_t>())->randn(noise);
  DenoiseLoop loop(*denoisers[0], shapes[0], table, [&](DenoiseLoop& going, size_t row) {
    going.go_on_with(*denoisers[phases.of_row[row]]);
  });
  loop.begin(noise);
  std::vector<std::vector<float>> latents;
  const auto keep = [&] {
    const auto values = loop.first_slot();
    latents.emplace_back(values.begin(), values.end());
  };
  for (keep(); !loop.done(); keep()) loop.run();
  return latents;
}

std::vector<json> control_cases() {
  return json::parse(read_file(testing::data("controls/cases.json")));
}

class Controls : public ::testing::TestWithParam<json> {};

TEST_P(Controls, FollowTheReferenceStepByStep) {
  const json& entry = GetParam();
  const auto latents = latents_of(entry);
  const Tensor expected = golden_controls().at(entry["name"].get<std::string>() + ".latents");
  const size_t one = latents[0].size();
  ASSERT_EQ(expected.floats().size(), latents.size() * one);
  const double of_latents = std::max(5e-6, 5 * entry["float64_difference"].get<double>()),
               of_steps = std::max(1e-3, 4 * entry["float64_step_difference"].get<double>());
  const auto [worst, worst_step] = testing::distances(latents, expected.floats());
  EXPECT_LE(worst, of_latents);
  EXPECT_LE(worst_step, of_steps);
  RecordProperty("latents", std::to_string(worst / of_latents));
  RecordProperty("steps", std::to_string(worst_step / of_steps));
}

INSTANTIATE_TEST_SUITE_P(Golden, Controls, ::testing::ValuesIn(control_cases()),
                         [](const ::testing::TestParamInfo<json>& entry) {
                           return entry.param["name"].get<std::string>();
                         });

TEST(ControlModes, WeighLayersAsTheReferenceDoes) {
  for (const json& entry : control_cases()) {
    const Tensor weights = golden_controls().at(entry["name"].get<std::string>() + ".weights");
    const Request request = request_of(entry);
    for (size_t unit = 0; unit < request.controls.size(); ++unit) {
      const auto scales = control_scales(request.controls[unit], 13);
      const auto expected = weights.floats().subspan(13 * unit, 13);
      for (size_t i = 0; i < scales.size(); ++i) EXPECT_NEAR(scales[i], expected[i], 1e-6);
    }
  }
}

TEST(ControlIntervals, AreThoseOfDiffusers) {
  for (const json& entry : json::parse(read_file(testing::data("controls/intervals.json")))) {
    Control control;
    control.start = entry["start"];
    control.end = entry["end"];
    SamplerTable table{.steps = entry["steps"]};
    for (int step = 0; step < table.steps; ++step) table.rows.push_back({.step = step});
    std::vector<int> active;
    for (size_t row = 0; row < table.rows.size(); ++row)
      if (counts_in(CompatKind::automatic, control.start, control.end, table, row))
        active.push_back(table.rows[row].step);
    EXPECT_EQ(active, entry["diffusers"].get<std::vector<int>>()) << entry;
  }
}

}  // namespace
}  // namespace drypoint

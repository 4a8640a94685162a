// Adapters: merged weights, and latents step by step, against diffusers, PEFT and LyCORIS.
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/conditioning.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/noise/random.h"
#include "diffusion/request/adapter_use.h"
#include "diffusion/request/sampling.h"
#include "golden/golden_test_base.h"
#include "golden/step_by_step.h"
#include "golden/text_encoder.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;
using testing::close;

const NamedTensors& golden_adapters() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("lora/golden.safetensors")).tensors;
  return tensors;
}

/// The tiny model's text encoder with the token rows that these runs had.
std::filesystem::path text_encoder_with_rows() {
  static const testing::TemporaryFolder folder;
  static const auto path = folder / "text.safetensors";
  static const bool is_written = [] {
    testing::write_text_encoder(path, golden_adapters());
    return true;
  }();
  EXPECT_TRUE(is_written);
  return path;
}

ModelFiles files_with_loras() {
  return {.model = testing::tiny_model_path(),
          .control = testing::tiny_control_path(),
          .text_encoder = text_encoder_with_rows(),
          .loras = testing::data("lora")};
}

drypoint::Stages& adaptable_model() {
  static drypoint::Stages model(files_with_loras(), testing::tested_device());
  return model;
}

const std::vector<json>& adapter_cases() {
  static const std::vector<json> cases = json::parse(read_file(testing::data("lora/cases.json")));
  return cases;
}

Request request_with_adapters(const json& entry) {
  Request request;
  request.prompt = entry["prompt"];
  request.added_prompt = "";
  request.negative_prompt = entry["negative"];
  request.guidance_scale = entry["guidance_scale"];
  request.steps = entry["steps"];
  request.image = read_image(testing::data("lora/coffee_64x128.png")).image;
  request.is_edges = true;
  for (const json& lora : entry["loras"])
    request.loras.push_back({lora["file"], lora["strength"], {}});
  return request;
}

/// The latents from the start on.
std::vector<std::vector<float>> run_with_adapters(drypoint::Stages& model, const Request& request,
                                                  uint64_t seed) {
  std::vector<std::string> notices;
  const auto use = model.use({}, model.model()->adapters().find(adapters_of(request), notices));
  EXPECT_EQ(notices, std::vector<std::string>());
  model.begin();
  const Prompts prompts = read_prompts(request, model, notices);
  const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
  const DenoiserShape shape = denoiser_shape(
      model, request, {request.image.width, request.image.height}, table, prompts.shape());
  Executor& denoiser = model.denoiser(shape);
  Conditioning conditioning(model, prompts, request, {});
  set_picture_inputs(denoiser, shape, table, request.image, request);
  conditioning.begin(denoiser, shape);
  denoiser.run(Rate::picture);
  std::vector<float> noise(static_cast<size_t>(4 * shape.height * shape.width));
  make_generator({}, seed)->randn(noise);
  DenoiseLoop loop(denoiser, shape, table);
  loop.begin(noise, {});
  std::vector<std::vector<float>> latents;
  while (!loop.done()) {
    latents.emplace_back(loop.first_slot().begin(), loop.first_slot().end());
    loop.run();
  }
  latents.emplace_back(loop.first_slot().begin(), loop.first_slot().end());
  return latents;
}

class Adapters : public ::testing::TestWithParam<json> {};

TEST_P(Adapters, FollowTheReferenceStepByStep) {
  drypoint::Stages& model = adaptable_model();
  const json& entry = GetParam();
  const std::string name = entry["name"];
  const auto latents = run_with_adapters(model, request_with_adapters(entry), entry["seed"]);
  const Tensor expected = golden_adapters().at(name + " latents").to_f32();
  const size_t one = latents[0].size();
  ASSERT_EQ(expected.floats().size(), latents.size() * one);
  const auto [worst, worst_step] = testing::distances(latents, expected.floats());
  EXPECT_LE(worst, 5e-6);
  EXPECT_LE(worst_step, 1e-3);
  RecordProperty("latents", std::to_string(worst));
}

TEST_P(Adapters, MergeAsTheReferenceDoes) {
  drypoint::Stages& model = adaptable_model();
  const std::string beginning = GetParam()["name"].get<std::string>() + " ";
  std::vector<std::string> notices;
  const auto use = model.use(
      {}, model.model()->adapters().find(adapters_of(request_with_adapters(GetParam())), notices));
  int compared = 0;
  for (const auto& [name, expected] : golden_adapters().tensors) {
    if (!name.starts_with(beginning) || name.ends_with(" latents")) continue;
    const Tensor merged =
        model.store().sources().rows(name.substr(beginning.size()), expected.shape()).whole();
    EXPECT_TRUE(close(merged.floats(), expected.floats(), 1e-6)) << name;
    ++compared;
  }
  EXPECT_EQ(compared == 0, GetParam()["loras"].empty());
}

INSTANTIATE_TEST_SUITE_P(Golden, Adapters, ::testing::ValuesIn(adapter_cases()), [](const auto& c) {
  std::string name = c.param["name"];
  for (char& letter : name)
    if (letter == '.' || letter == '-') letter = letter == '.' ? 'p' : 'm';
  return name;
});

/// What the store holds, by key.
std::map<std::string, std::vector<std::byte>> weights_of(const drypoint::Stages& model) {
  std::map<std::string, std::vector<std::byte>> result;
  for (const auto& held : model.store().all()) {
    auto& bytes = result[held.key];
    bytes.resize(held.bytes);
    model.backend().download(bytes, held.memory.get());
  }
  return result;
}

TEST(AdaptersOfAModel, LeaveNoTraceWhenTheyAreTakenAway) {
  drypoint::Stages model(files_with_loras(), testing::tested_device());
  const json& plain = adapter_cases()[0];
  ASSERT_TRUE(plain["loras"].empty());
  const Request request = request_with_adapters(plain);
  const auto before = run_with_adapters(model, request, 1);
  const auto bytes_before = weights_of(model);
  const size_t size = model.store().bytes();
  for (const char* name : {"loha.safetensors", "dora_out", "locon_mid"}) {
    Request with = request;
    with.loras = {{name, 0.7, {}}};
    EXPECT_NE(run_with_adapters(model, with, 1), before);
    const auto changed = weights_of(model);
    EXPECT_EQ(changed.size(), bytes_before.size());
    EXPECT_NE(changed, bytes_before);
  }
  EXPECT_EQ(run_with_adapters(model, request, 1), before);
  EXPECT_EQ(weights_of(model), bytes_before);
  EXPECT_EQ(model.store().bytes(), size);  // all was made in its place
}

TEST(AdaptersOfAModel, ChangeWhatTheyTouchAlone) {
  drypoint::Stages& model = adaptable_model();
  const Request request = request_with_adapters(adapter_cases()[0]);
  run_with_adapters(model, request, 1);
  const auto before = weights_of(model);
  Request with = request;
  with.loras = {{"kohya_unet_text", 1, 0.0}};  // the UNet's alone
  run_with_adapters(model, with, 1);
  size_t changed = 0;
  for (const auto& [key, bytes] : weights_of(model)) {
    if (bytes == before.at(key)) continue;
    ++changed;
    EXPECT_NE(key.find("model.diffusion_model."), key.npos) << key;
  }
  EXPECT_GT(changed, 10u);
  EXPECT_LT(changed, before.size() / 2);
}

TEST(AdaptersOfAModel, AreCalledByPrompts) {
  drypoint::Stages& model = adaptable_model();
  Request by_field = request_with_adapters(adapter_cases()[0]), by_prompt = by_field;
  by_field.loras = {{"locon", 0.5, 1.0}, {"LOKR", -0.25, {}}};
  by_prompt.prompt = "<lora:locon:1:0.5>" + by_prompt.prompt + "<lyco:LOKR:-0.25>";
  const auto expected = run_with_adapters(model, by_field, 3);
  EXPECT_EQ(run_with_adapters(model, by_prompt, 3), expected);
}

TEST(AdaptersOfAModel, HaveStrengthsOfBlocks) {
  drypoint::Stages& model = adaptable_model();
  std::vector<std::string> notices;
  const auto strengths = [&](const std::vector<double>& blocks) {
    const std::vector<AdapterUse> uses{{"kohya_unet_text", 2, 3.0, blocks}};
    const AdapterSet set = model.model()->adapters().find(uses, notices);
    std::map<std::string, std::set<double>> result;  // by block
    for (const FittedChange& change : set.at(0).fitted->changes) {
      const std::string& name = change.tensor;
      const size_t number = name.find("put_blocks.");
      const bool is_numbered = number != name.npos;
      const size_t end = name.find('.', is_numbered ? number + 11 : name.find('.') + 1);
      result[name.substr(0, end)].insert(set.at(0).strength_of(change));
    }
    return result;
  };
  for (const auto& [block, found] : strengths({}))
    EXPECT_EQ(found, std::set<double>{block.starts_with("cond_stage") ? 3.0 : 2.0}) << block;
  std::vector<double> some(17), all(26);
  std::iota(some.begin(), some.end(), 1);
  std::iota(all.begin(), all.end(), 1);
  const auto by_17 = strengths(some), by_26 = strengths(all);
  const auto expect = [](const auto& by, const std::string& block, double strength) {
    ASSERT_TRUE(by.contains(block)) << block;
    EXPECT_EQ(by.at(block), std::set<double>{strength}) << block;
  };
  expect(by_17, "model.diffusion_model.input_blocks.1", 2 * 2);
  expect(by_17, "model.diffusion_model.input_blocks.8", 2 * 7);
  expect(by_17, "model.diffusion_model.output_blocks.11", 2 * 17);
  expect(by_26, "model.diffusion_model.input_blocks.8", 2 * 10);
  expect(by_26, "model.diffusion_model.output_blocks.3", 2 * 18);
}

}  // namespace
}  // namespace drypoint

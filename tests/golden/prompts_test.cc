// What prompts become: conditionings and whole runs of the web UI, with weights, chunks, schedules,
// parts and embeddings.
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/conditioning.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/noise/random.h"
#include "diffusion/request/sampling.h"
#include "golden/golden_test_base.h"
#include "golden/text_encoder.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;
using testing::close;

const NamedTensors& golden_prompts() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("prompts/golden.safetensors")).tensors;
  return tensors;
}

/// The tiny model with the token rows and the last norm that these runs had.
std::filesystem::path text_encoder_path() {
  static const testing::TemporaryFolder folder;
  static const auto path = folder / "text.safetensors";
  static const bool is_written = [] {
    testing::write_text_encoder(path, golden_prompts());
    return true;
  }();
  EXPECT_TRUE(is_written);
  return path;
}

Stages make_model(std::optional<std::filesystem::path> embeddings) {
  return Stages({.model = testing::tiny_model_path(),
                 .control = testing::tiny_control_path(),
                 .text_encoder = text_encoder_path(),
                 .embeddings = std::move(embeddings)},
                testing::tested_device());
}

Stages& prompt_model() {
  static Stages model = make_model({});
  return model;
}

Stages& model_with_embeddings() {
  static Stages model = make_model(testing::data("prompts/embeddings"));
  return model;
}

EmphasisKind emphasis_of(const json& entry) {
  static const std::map<std::string, EmphasisKind> kinds{{"Original", EmphasisKind::original},
                                                         {"No norm", EmphasisKind::no_norm},
                                                         {"None", EmphasisKind::none},
                                                         {"Ignore", EmphasisKind::ignore}};
  return kinds.at(entry.value("emphasis", "Original"));
}

Request request_for(const json& entry) {
  Request request;
  request.added_prompt = "";
  request.negative_prompt = "";
  request.emphasis = emphasis_of(entry);
  request.clip_skip = entry.value("clip_skip", 1);
  request.comma_backtrack = entry.value("comma_padding_backtrack", 20);
  return request;
}

std::vector<json> entries(const std::string& file) {
  return json::parse(read_file(testing::data("prompts/" + file)));
}

std::vector<float> values(const std::string& name) {
  const Tensor tensor = golden_prompts().at(name).to_f32();
  return {tensor.floats().begin(), tensor.floats().end()};
}

TEST(Prompts, ConditioningsAreTheWebUis) {
  Stages& model = prompt_model();
  int compared = 0;
  for (const json& entry : entries("cases.json")) {
    const std::string name = "prompt." + entry["name"].get<std::string>();
    if (!golden_prompts().has(name)) continue;
    Request request = request_for(entry);
    request.prompt = entry["text"];
    request.guidance_scale = 1;
    model.begin();
    std::vector<std::string> notices;
    const Prompts prompts = read_prompts(request, model, notices);
    const Conditioning conditioning(model, prompts, request, {});
    EXPECT_TRUE(close(conditioning.positive()[0][0], values(name), 5e-6)) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 9);
}

TEST(Prompts, EmbeddingsAreTheWebUis) {
  Stages& model = model_with_embeddings();
  int compared = 0;
  for (const json& entry : entries("embeddings.json")) {
    Request request = request_for(entry);
    request.prompt = entry["positive"]["text"];
    request.negative_prompt = entry["negative"]["text"];
    model.begin();
    std::vector<std::string> notices;
    const Prompts prompts = read_prompts(request, model, notices);
    const Conditioning conditioning(model, prompts, request, {});
    const std::string name = entry["name"];
    for (const auto& [side, actual] : {std::pair("positive", conditioning.positive()[0][0]),
                                       {"negative", conditioning.negative()[0]}}) {
      const std::string key = name + "." + side;
      if (!golden_prompts().has(key)) continue;
      EXPECT_TRUE(close(actual, values(key), 5e-6)) << key;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 4);
}

void expect_run(Stages& model, Request request, const json& entry, const std::string& hint,
                const std::string& golden) {
  request.steps = entry["steps"];
  request.guidance_scale = entry["guidance_scale"];
  request.image = read_image(testing::data(hint)).image;
  const ImageSize size{request.image.width, request.image.height};
  model.begin();
  std::vector<std::string> notices;
  const Prompts prompts = read_prompts(request, model, notices);
  const SamplerTable table = sampler_table(request, model.noise_schedule());
  const DenoiserShape shape = denoiser_shape(model, request, size, table, prompts.shape());
  Executor& denoiser = model.denoiser(shape);
  Conditioning conditioning(model, prompts, request, {});
  set_picture_inputs(denoiser, shape, table, request.image, request);
  conditioning.begin(denoiser, shape);
  denoiser.run(Rate::picture);
  DenoiseLoop loop(denoiser, shape, table, [&](DenoiseLoop&, size_t row) {
    if (conditioning.advance(denoiser, shape, static_cast<int>(row))) denoiser.run(Rate::picture);
  });
  std::vector<float> noise(static_cast<size_t>(4 * shape.height * shape.width));
  make_generator({}, entry["seed"].get<uint64_t>())->randn(noise);
  loop.begin(noise);
  std::vector<float> latents;
  const auto add = [&](double scale) {
    for (const float value : loop.first_slot())
      latents.push_back(static_cast<float>(value / scale));
  };
  while (!loop.done()) {
    add(table.rows[loop.row()].input_scale);
    loop.run();
  }
  add(1);
  const double tolerance = std::max(5e-6, 5 * entry.value("float64_difference", 1e-6));
  EXPECT_TRUE(close(latents, values(golden), tolerance)) << golden;
}

TEST(Prompts, RunsAreTheWebUis) {
  for (const json& entry : entries("runs.json")) {
    Request request = request_for(entry);
    request.prompt = entry["prompt"];
    request.negative_prompt = entry["negative"];
    request.sampler = "Euler Karras";
    expect_run(prompt_model(), request, entry, "prompts/cat_64x128.png",
               entry["name"].get<std::string>() + ".latents");
  }
}

TEST(Prompts, ARunWithEmbeddingsIsTheWebUis) {
  const json entry = entries("embeddings.json")[1];
  Request request = request_for(entry);
  request.prompt = entry["positive"]["text"];
  request.negative_prompt = entry["negative"]["text"];
  expect_run(model_with_embeddings(), request, entry, "samplers/duck_64x128.png", "case1.latents");
}

}  // namespace
}  // namespace drypoint

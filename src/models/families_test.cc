// Stable Diffusion 2 and inpainting: their sizes, and layouts as their own tools write them.
#include "models/family.h"

#include <numeric>

#include "backend/backend.h"
#include "checkpoint/formats.h"
#include "checkpoint/prediction.h"
#include "checkpoint/safetensors.h"
#include "compile/compile.h"
#include "drypoint/synth.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/complete.h"
#include "models/controlnet.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "models/synth.h"
#include "models/unet.h"
#include "runtime/executor.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;
using testing::TemporaryFolder;
using Tensors = std::map<std::string, Tensor, std::less<>>;

const std::string text_layers = "cond_stage_model.transformer.text_model.encoder.layers.";

int64_t parameters_of(const std::vector<TensorSpec>& specs) {
  return std::accumulate(specs.begin(), specs.end(), int64_t{0}, [](int64_t sum, const auto& spec) {
    return sum + element_count(spec.shape);
  });
}

TEST(Families, HaveThePublishedParameterCounts) {
  const ModelConfig sd2 = sd21();
  EXPECT_EQ(parameters_of(tensors_of(sd2.unet)), 865'910'724);
  EXPECT_EQ(parameters_of(tensors_of(sd2.controlnet(0))), 364'228'240);
  EXPECT_EQ(parameters_of(tensors_of(sd2.text)), 340'387'840);
  EXPECT_EQ(parameters_of(tensors_of(sd15_inpainting().unet)), 859'535'364);
}

TEST(Families, AreToldFromWhatSynthWrites) {
  for (const Family& family : families()) {
    if (!family.name.starts_with("tiny")) continue;
    TemporaryFolder folder;
    synthesize(folder / "m.safetensors", {.arch = std::string(family.name)});
    const auto model = assemble({.model = folder / "m.safetensors"});
    const ModelConfig found = detect(model.tensors), expected = family.config();
    EXPECT_EQ(found.unet, expected.unet) << family.name;
    EXPECT_EQ(found.controls, expected.controls) << family.name;
    EXPECT_EQ(found.vae, expected.vae) << family.name;
    EXPECT_EQ(found.text, expected.text) << family.name;
    if (found.unet.linear_projections) {
      EXPECT_EQ(found.prediction, expected.prediction) << family.name;
    }
    for (const UnetConfig& trunk : {found.unet, found.controlnet(0).trunk}) {
      if (trunk.out_channels == 0 && is_inpainting(found.unet)) continue;  // its base's own
      ASSERT_NE(family_of(trunk), nullptr) << family.name;
      EXPECT_EQ(family_of(trunk)->title, family.title);
    }
  }
  UnetConfig other = tiny_sd15().unet;
  other.context_width = 65;
  EXPECT_EQ(family_of(other), nullptr);
}

TEST(StableDiffusion2, OfficialNamesHoldTheTensorsOfDiffusers) {
  const auto official = load_checkpoint(data("checkpoint/sd2/official.safetensors"));
  const auto folder = load_checkpoint(data("checkpoint/sd2"));
  size_t of_text = 0;
  for (const auto& [name, tensor] : official.tensors.tensors) {
    if (name.ends_with("text_projection") || name.ends_with("logit_scale")) continue;
    ASSERT_TRUE(folder.tensors.has(name)) << name;
    const Tensor& expected = folder.tensors.at(name);
    ASSERT_EQ(tensor.type(), expected.type()) << name;
    EXPECT_TRUE(std::ranges::equal(tensor.bytes(), expected.bytes())) << name;
    of_text += name.starts_with(prefix_of(Part::text));
  }
  const ClipConfig text = detect_clip(folder.tensors);
  EXPECT_EQ(of_text, tensors_of(text).size());
  EXPECT_EQ(text.activation, ActivationKind::gelu);
  ClipConfig official_text = detect_clip(official.tensors);
  EXPECT_EQ(official_text.layers, 2);  // of 3 in the file
  official_text.heads = text.heads;    // which a folder's configuration tells
  EXPECT_EQ(official_text, text);
}

TEST(StableDiffusion2, IsReadFromADiffusersFolder) {
  const auto model = assemble({.model = data("checkpoint/sd2")});
  const ModelConfig config = detect(model.tensors);
  EXPECT_EQ(config.unet, (UnetConfig{.in_channels = 4,
                                     .out_channels = 4,
                                     .model_channels = 8,
                                     .time_width = 32,
                                     .levels = {{8, 1, 2}, {12, 0, 4}},
                                     .middle = {12, 1, 4},
                                     .res_blocks = 1,
                                     .context_width = 16,
                                     .groups = 4,
                                     .linear_projections = true}));
  EXPECT_EQ(config.prediction, Prediction::v);
  EXPECT_FALSE(config.zero_terminal_snr);
  EXPECT_EQ(model.tensors.tensors.size(), tensors_of(config).size());
}

TEST(StableDiffusion2, ATextEncoderMayHaveAFileOfItsOwn) {
  TemporaryFolder folder;
  Tensors bare;
  const std::string prefix = "cond_stage_model.model.";
  const auto file = read_tensor_file(data("checkpoint/sd2/official.safetensors")).tensors;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(prefix)) bare[name.substr(prefix.size())] = tensor;
  bare["visual.conv1.weight"] = bare.at("ln_final.weight");
  write_safetensors(folder / "open_clip.safetensors", bare);
  const auto text = load_checkpoint(folder / "open_clip.safetensors");
  EXPECT_EQ(text.sources.size(), 1u);
  check_part(text, Part::text);
  EXPECT_EQ(detect_clip(text.tensors).activation, ActivationKind::gelu);
}

TEST(StableDiffusion2, TakesTwentyThreeLayersAsAllThatRun) {
  for (const int layers : {3, 23, 24}) {
    Tensors tensors;
    for (int i = 0; i < layers; ++i)
      tensors["cond_stage_model.model.transformer.resblocks." + std::to_string(i) +
              ".mlp.c_fc.weight"] = make_tensor({1, 1}, std::vector<float>{1});
    TemporaryFolder folder;
    write_safetensors(folder / "m.safetensors", tensors);
    const auto read = load_checkpoint(folder / "m.safetensors");
    EXPECT_EQ(read.tensors.tensors.size(), layers == 23 ? 23u : static_cast<size_t>(layers) - 1);
  }
}

TEST(StableDiffusion2, RefusesProjectionsThatAreNotThree) {
  TemporaryFolder folder;
  const std::string name = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight";
  write_safetensors(folder / "m.safetensors",
                    {{name, make_tensor({4, 1}, std::vector<float>{1, 2, 3, 4})},
                     {"cond_stage_model.model.transformer.resblocks.1.ln_1.bias",
                      make_tensor({1}, std::vector<float>{1})}});
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"m.safetensors", name, "f32[4, 1]", "3 projections"},
                         [&] { load_checkpoint(folder / "m.safetensors"); }));
}

TEST(StableDiffusion2, AFileWithoutConfigurationHasHeadsOf64Columns) {
  const NamedTensors tensors = synthesized({.arch = "tiny-sd21"});
  std::vector<int64_t> heads;
  for (const auto& level : detect_unet(tensors).levels) heads.push_back(level.heads);
  EXPECT_EQ(heads, (std::vector<int64_t>{1, 1, 1, 2}));
}

TEST(StableDiffusion2, ControlNetsOfOtherModelsAreRefused) {
  TemporaryFolder folder;
  for (const std::string arch : {"tiny", "tiny-sd21"})
    synthesize(folder / (arch + ".safetensors"), {.arch = arch});
  const auto of = [&](const std::string& model, const std::string& control) {
    return [&, model, control] {
      assemble({.model = folder / (model + ".safetensors"),
                .control = folder / (control + ".safetensors")});
    };
  };
  EXPECT_TRUE(fails_with(ErrorKind::unsupported,
                         {"tiny.safetensors", "another base model", "text width 64, expected 128"},
                         of("tiny-sd21", "tiny")));
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"text width 128, expected 64", "channels"},
                         of("tiny", "tiny-sd21")));
  // One level less deep.
  Tensors shallow;
  for (const auto& [name, tensor] : load_checkpoint(folder / "tiny.safetensors").tensors.tensors)
    if (name.starts_with("control_model.") && name.find("input_blocks.8.1.") == std::string::npos &&
        name.find("input_blocks.7.1.") == std::string::npos)
      shallow[name] = tensor;
  write_safetensors(folder / "shallow.safetensors", shallow);
  EXPECT_TRUE(fails_with(ErrorKind::unsupported,
                         {"shallow", "transformer blocks [1, 1, 0, 0], expected [1, 1, 1, 0]"},
                         of("tiny", "shallow")));
  auto model = assemble({.model = folder / "tiny.safetensors"});
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"shallow", "transformer blocks"},
                         [&] { replace_control(model, 0, folder / "shallow.safetensors"); }));
}

/// What the UNet predicts for a latent, with something in the further channels.
std::vector<float> output_of(const Checkpoint& model, float masked) {
  const auto backend = make_cpu_backend(1);
  WeightStore store(model.tensors, *backend);
  const ModelConfig config = detect(model.tensors);
  const DenoiserShape shape{.height = 8, .width = 8, .max_steps = 1, .expose = true};
  Executor denoiser(compile(build_denoiser(config, shape), backend->target()), *backend, store);
  const auto fill = [&](const std::string& input, float scale) {
    std::vector<float> values(static_cast<size_t>(denoiser.type_of_input(input).elements()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = scale * static_cast<float>(i * 37 % 101) / 50 - scale;
    denoiser.set_input(input, values);
  };
  fill("slots", 1);
  fill("context", 1);
  fill("hint", 1);
  if (is_inpainting(config.unet)) fill("masked", masked);
  denoiser.set_input("control_scales", std::vector<float>(13, 1.0f));
  denoiser.set_input("timesteps", std::vector<float>{501});
  denoiser.set_input("sampler", std::vector<float>{1, 0, 0});
  denoiser.set_input("guidance_scale", std::vector<float>{2});
  denoiser.set_input("step", std::vector<int32_t>{0});
  denoiser.run(Rate::picture);
  denoiser.run(Rate::step);
  return {denoiser.output("eps").begin(), denoiser.output("eps").end()};
}

TEST(Inpainting, TheUNetSeesFurtherChannelsAndTheControlNetDoesNot) {
  TemporaryFolder folder;
  synthesize(folder / "m.safetensors", {.arch = "tiny", .dtype = "f32"});
  Checkpoint model = assemble({.model = folder / "m.safetensors"});
  const auto expected = output_of(model, 0);
  // Weights of zero for what is new.
  Tensor& weight = model.tensors.tensors["model.diffusion_model.input_blocks.0.0.weight"];
  const Tensor before = weight;
  const auto widen = [&](float further) {
    std::vector<float> wider(32 * 9 * 9, further);
    for (size_t o = 0; o < 32; ++o)
      std::ranges::copy(before.floats().subspan(o * 36, 36),
                        wider.begin() + static_cast<std::ptrdiff_t>(o * 81));
    weight = make_tensor({32, 9, 3, 3}, wider);
  };
  widen(0);
  check_fit(model);
  EXPECT_TRUE(testing::close(output_of(model, 3), expected, 1e-5));
  widen(0.1f);
  EXPECT_FALSE(testing::close(output_of(model, 3), expected, 1e-2));
  EXPECT_FALSE(testing::close(output_of(model, 3), output_of(model, 1), 1e-2));
}

TEST(Prediction, IsGuessedByTheLastTransformersBias) {
  const UnetConfig sd2 = tiny_sd21().unet;
  NamedTensors tensors;
  Tensor& bias =
      tensors.tensors["model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"];
  bias = make_tensor({4}, std::vector<float>{0.2f, -0.2f, 0.2f, -0.2f});
  EXPECT_EQ(guessed_prediction(tensors, sd2), Prediction::v);
  EXPECT_EQ(guessed_prediction(tensors, tiny_sd15().unet), Prediction::epsilon);
  bias = make_tensor({4}, std::vector<float>{5.05f, 4.95f, 5.05f, 4.95f});
  EXPECT_EQ(guessed_prediction(tensors, sd2), Prediction::epsilon);
  bias = make_tensor({4}, std::vector<float>{NAN, 1, 2, 3});
  EXPECT_EQ(guessed_prediction(tensors, sd2), Prediction::epsilon);
}

TEST(Prediction, IsSaidInSeveralPlaces) {
  const auto said = [](const NamedTensors& tensors) { return said_prediction(tensors, "m"); };
  NamedTensors tensors;
  EXPECT_EQ(said(tensors).prediction, Prediction::automatic);
  tensors.tensors["v_pred"] = Tensor({DType::f32, {0}});
  EXPECT_EQ(said(tensors).prediction, Prediction::v);
  EXPECT_FALSE(said(tensors).zero_terminal_snr);
  tensors.tensors["ztsnr"] = Tensor({DType::f32, {0}});
  EXPECT_TRUE(said(tensors).zero_terminal_snr);
  tensors.metadata["modelspec.prediction_type"] = "v";
  EXPECT_EQ(said(tensors).prediction, Prediction::v);
  tensors.metadata["modelspec.prediction_type"] = "epsilon";
  EXPECT_TRUE(fails_with(
      ErrorKind::bad_file,
      {"m: ", "modelspec.prediction_type says that it predicts epsilon", "v_pred says v"},
      [&] { said(tensors); }));
  tensors.metadata["modelspec.prediction_type"] = "flow";
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"modelspec.prediction_type", "\"flow\""},
                         [&] { said(tensors); }));
  NamedTensors edm;
  edm.tensors["edm_mean"] = Tensor({DType::f32, {0}});
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"edm_mean"}, [&] { said(edm); }));

  NamedTensors folder;
  std::string& scheduler = folder.metadata["scheduler/scheduler_config.json"];
  scheduler = R"({"prediction_type": "v_prediction", "rescale_betas_zero_snr": true})";
  EXPECT_EQ(said(folder).prediction, Prediction::v);
  EXPECT_TRUE(said(folder).zero_terminal_snr);
  scheduler = "{}";  // diffusers' default
  EXPECT_EQ(said(folder).prediction, Prediction::epsilon);
  write_prediction(folder.metadata, {Prediction::sample, true});
  EXPECT_EQ(said(folder).prediction, Prediction::sample);
  EXPECT_TRUE(said(folder).zero_terminal_snr);
}

}  // namespace
}  // namespace drypoint

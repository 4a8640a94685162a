#include "diffusion/model/stages.h"

#include <algorithm>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "drypoint/pipeline.h"
#include "support/test_support.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_control_path;
using testing::tiny_model_path;
using Tensors = std::map<std::string, Tensor, std::less<>>;

const std::string text_prefix = "cond_stage_model.transformer.text_model.";

/// A copy of a checkpoint after a change.
std::filesystem::path changed(const TemporaryFolder& folder, const std::filesystem::path& from,
                              const std::function<void(Tensors&)>& change) {
  Tensors tensors = load_checkpoint(from).tensors.tensors;
  change(tensors);
  const auto path = folder / "changed.safetensors";
  write_safetensors(path, tensors);
  return path;
}

::testing::AssertionResult refused(ErrorKind kind, std::initializer_list<std::string> parts,
                                   const ModelFiles& files) {
  return fails_with(kind, parts, [&] { Model(files, {}); });
}

TEST(Model, RefusesPartsOfOtherProportions) {
  TemporaryFolder folder;
  const auto model = tiny_model_path(), control = tiny_control_path();
  // Its pictures would be twice, not eight times as large as the latents.
  EXPECT_TRUE(
      refused(ErrorKind::unsupported, {"small/vae", "2 levels", "expected 4"},
              {.model = model, .control = control, .vae = testing::data("checkpoint/small/vae")}));
  EXPECT_TRUE(
      refused(ErrorKind::unsupported, {"changed", "hint of 1 channels", "expected 8 and 3"},
              {.model = model,
               .control = changed(folder, control, [](Tensors& t) {
                 t["control_model.input_hint_block.0.weight"] = Tensor({DType::f16, {16, 1, 3, 3}});
               })}));
  EXPECT_TRUE(refused(ErrorKind::unsupported, {"changed", "76 positions", "expected 77"},
                      {.model = changed(folder, model,
                                        [](Tensors& t) {
                                          t[text_prefix + "embeddings.position_embedding.weight"] =
                                              Tensor({DType::f16, {76, 64}});
                                        }),
                       .control = control}));
}

TEST(Model, RefusesNoiseLevelsThatMakeNoSenseAtOnce) {
  TemporaryFolder folder;
  EXPECT_TRUE(refused(
      ErrorKind::bad_file, {"changed", "alphas_cumprod", "2 values"},
      {.model = changed(folder, tiny_model_path(),
                        [](Tensors& t) {
                          t["alphas_cumprod"] = make_tensor({2}, std::vector<float>{0.9f, 0.8f});
                        }),
       .control = tiny_control_path()}));
}

/// Matrices rounded to f8, as f8 or as the f32 that they stand for.
void round_to_f8(Tensors& tensors, DType dtype) {
  for (auto& [name, tensor] : tensors) {
    if (tensor.shape().size() < 2 || !is_float(tensor.dtype())) continue;
    const Tensor values = tensor.to_f32();
    Tensor rounded({DType::f8, tensor.shape()});
    std::ranges::transform(values.floats(), rounded.mutable_bytes().begin(),
                           [](float value) { return std::byte{to_eight_bits(value, DType::f8)}; });
    tensor = dtype == DType::f8 ? rounded : rounded.to_f32();
  }
}

TEST(Model, FloatsOfEightBitsAreTheNumbersThatTheyStandFor) {
  std::vector<Image> images;
  for (const DType dtype : {DType::f32, DType::f8}) {
    TemporaryFolder folder;
    const auto model =
        changed(folder, tiny_model_path(), [&](Tensors& t) { round_to_f8(t, dtype); });
    Pipeline pipeline({.model = model, .control = tiny_control_path()},
                      {.device = "cpu", .precision = Precision::fp32});
    Request request = pipeline.defaults();
    request.size = {64, 64};
    request.steps = 1;
    request.seed = 1;
    images.push_back(pipeline.generate(request).images[0]);
  }
  EXPECT_EQ(images[0], images[1]);
}

/// How the denoiser's group norms split their channels.
std::set<int64_t> groups_of(Stages& model) {
  std::set<int64_t> groups;
  const Executor& denoiser = model.denoiser({.height = 2, .width = 2});
  for (const PlanOp& step : denoiser.plan().step)
    if (const auto* norm = std::get_if<GroupNorm>(&step.op)) groups.insert(norm->groups);
  return groups;
}

TEST(Model, TensorsThatNoModelHasAreRefused) {
  TemporaryFolder folder;
  // Each would add a layer if names alone decided.
  for (const std::string name :
       {"model.diffusion_model.input_blocks.1.0.skip_connection.weight",
        "model.diffusion_model.input_blocks.12.0.in_layers.0.weight",
        "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc3.weight"}) {
    const auto path = changed(folder, tiny_model_path(), [&](Tensors& tensors) {
      tensors[name] = Tensor({DType::f16, {7}});
    });
    EXPECT_TRUE(fails_with(ErrorKind::unsupported, {name},
                           [&] { Model({.model = path, .control = tiny_control_path()}, {}); }));
  }
}

TEST(Model, GroupsComeFromTheConfiguration) {
  TemporaryFolder folder;
  for (const char* part : {"unet", "vae", "text_encoder"}) {
    std::filesystem::create_directories(folder / "m" / part);
    write_safetensors(folder / "m" / part / "diffusion_pytorch_model.safetensors", [&] {
      Tensors own;
      const std::map<std::string, std::string> prefixes{{"unet", "model.diffusion_model."},
                                                        {"vae", "first_stage_model."},
                                                        {"text_encoder", "cond_stage_model."}};
      for (const auto& [name, tensor] : load_checkpoint(tiny_model_path()).tensors.tensors)
        if (name.starts_with(prefixes.at(part))) own[name] = tensor;
      return own;
    }());
  }
  write_file(folder / "m/unet/config.json", R"({"norm_num_groups": 16})");
  write_file(folder / "m/vae/config.json", R"({"norm_num_groups": 8})");
  Stages model({.model = folder / "m", .control = tiny_control_path()}, {});
  EXPECT_EQ(groups_of(model), (std::set<int64_t>{16}));
  for (const PlanOp& step : model.vae_decoder(2, 2).plan().picture)
    if (const auto* norm = std::get_if<GroupNorm>(&step.op)) {
      EXPECT_EQ(norm->groups, 8);
    }
}

}  // namespace
}  // namespace drypoint

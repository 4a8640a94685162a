#include "models/assemble.h"

#include <algorithm>
#include <cmath>

#include "checkpoint/canonical.h"
#include "checkpoint/safetensors.h"
#include "models/complete.h"
#include "models/detect.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_control_path;
using testing::tiny_model_path;
using Tensors = std::map<std::string, Tensor, std::less<>>;

// The tiny base model and ControlNet together, by canonical names.
const Tensors& tiny() {
  static const Tensors all = [] {
    Tensors result = load_checkpoint(tiny_model_path()).tensors.tensors;
    result.merge(load_checkpoint(tiny_control_path()).tensors.tensors);
    return result;
  }();
  return all;
}

// How many tensors equal the tiny model's; fails on any that differs in shape or value.
int count_equal(const Checkpoint& checkpoint, double tolerance = 0) {
  int count = 0;
  for (const auto& [name, tensor] : checkpoint.tensors.tensors) {
    const auto found = tiny().find(name);
    if (found == tiny().end()) continue;
    ++count;
    EXPECT_EQ(tensor.shape(), found->second.shape()) << name;
    const Tensor actual = tensor.to_f32(), expected = found->second.to_f32();
    for (size_t i = 0; i < actual.floats().size(); ++i)
      if (!(std::abs(actual.floats()[i] - expected.floats()[i]) <=
            tolerance * std::abs(expected.floats()[i]))) {
        ADD_FAILURE() << name << " differs at " << i;
        break;
      }
  }
  return count;
}

TEST(Checkpoint, EveryLayoutHoldsTheSameTensors) {
  const auto merged = load_checkpoint(data("checkpoint/merged.pth"));
  EXPECT_EQ(merged.layout, "PyTorch zip");
  EXPECT_EQ(count_equal(merged), 28);
  EXPECT_EQ(merged.sources.size(), 4u);
  EXPECT_EQ(merged.tensors.at("alphas_cumprod").shape(), (Shape{1000}));
  EXPECT_EQ(merged.tensors.at("betas").dtype(), DType::f32);

  const auto training = load_checkpoint(data("checkpoint/training.ckpt"));
  EXPECT_EQ(count_equal(training), 18);
  EXPECT_EQ(training.tensors.tensors.size(), 18u);  // no EMA copies
  EXPECT_FALSE(training.has(Part::control));

  const auto legacy = load_checkpoint(data("checkpoint/control_legacy.pth"));
  EXPECT_EQ(legacy.layout, "PyTorch legacy");
  EXPECT_EQ(count_equal(legacy), 10);

  const auto bare = load_checkpoint(data("checkpoint/control_noprefix_bf16.safetensors"));
  EXPECT_EQ(count_equal(bare, 0.004), 10);
  EXPECT_EQ(bare.sources.size(), 1u);
  EXPECT_TRUE(bare.has(Part::control));

  const auto folder = load_checkpoint(data("checkpoint/folder"));
  EXPECT_EQ(folder.layout, "diffusers folder");
  EXPECT_EQ(count_equal(folder), 107);
  EXPECT_EQ(folder.tensors.tensors.size(), 108u);  // and the text's position_ids
  EXPECT_EQ(folder.sources.size(), 4u);
  EXPECT_EQ(folder.sources.at(Part::vae), data("checkpoint/folder/vae"));
  EXPECT_FALSE(folder.tokenizer);  // its folder lacks the vocabulary
  EXPECT_TRUE(folder.tensors.metadata.contains("scheduler/scheduler_config.json"));
  EXPECT_TRUE(folder.tensors.metadata.contains("text_encoder/config.json"));
}

TEST(Checkpoint, ASinglePartsFolderOrFileIsRecognised) {
  for (const auto& [name, part] :
       {std::pair("unet", Part::unet), std::pair("vae", Part::vae),
        std::pair("text_encoder", Part::text), std::pair("controlnet", Part::control)}) {
    const auto path = data("checkpoint/folder") / name;
    const auto folder = load_checkpoint(path);
    EXPECT_EQ(folder.sources, (std::map<Part, std::string>{{part, path.string()}}));
    EXPECT_GE(count_equal(folder), 5);
    EXPECT_TRUE(folder.tensors.metadata.contains(std::string(name) + "/config.json"));
  }
  const auto file = load_checkpoint(data("checkpoint/folder/vae/diffusion_pytorch_model.bin"));
  EXPECT_TRUE(file.has(Part::vae));
}

TEST(Checkpoint, NamesMayLackTheirPrefix) {
  TemporaryFolder folder;
  for (const auto& part : part_names) {
    Tensors bare;
    for (const auto& [name, tensor] : tiny())
      if (name.starts_with(part.prefix)) bare[name.substr(part.prefix.size())] = tensor;
    write_safetensors(folder / "bare.safetensors", bare);
    const auto read = load_checkpoint(folder / "bare.safetensors");
    EXPECT_EQ(read.sources.size(), 1u);
    EXPECT_TRUE(read.has(part.part)) << part.name;
    EXPECT_EQ(count_equal(read), static_cast<int>(bare.size())) << part.name;
  }
}

TEST(Checkpoint, DiffusersWritesAModelThatIsCompleteHere) {
  const auto model = assemble({.model = data("checkpoint/small")});
  const auto& tensors = model.tensors;
  const ModelConfig config = detect(tensors);
  EXPECT_EQ(config.unet, (UnetConfig{.in_channels = 4,
                                     .out_channels = 4,
                                     .model_channels = 8,
                                     .time_width = 32,
                                     .levels = {{8, 1, 2}, {12, 0, 2}},
                                     .middle = {12, 1, 2},
                                     .res_blocks = 1,
                                     .context_width = 12,
                                     .groups = 4,
                                     .linear_projections = true}));
  EXPECT_EQ(config.controlnet(0).hint_channels, (std::vector<int64_t>{3, 4, 4, 6, 8}));
  EXPECT_EQ(config.vae, (VaeConfig{3, 4, 4, {4, 8}, 1, 2}));
  EXPECT_EQ(config.text, (ClipConfig{50, 9, 12, 2, 3, 20}));
  // Nothing is left over: every tensor has found its place.
  EXPECT_EQ(tensors.tensors.size(), tensors_of(config).size());
}

TEST(Checkpoint, AssemblesPartsFromSeveralFiles) {
  const auto alone = assemble({.model = tiny_model_path()});
  EXPECT_FALSE(alone.has(Part::control));
  const auto model = assemble({.model = tiny_model_path(), .control = tiny_control_path()});
  EXPECT_EQ(count_equal(model), 1318);
  EXPECT_EQ(model.sources.at(Part::control), tiny_control_path());
  EXPECT_EQ(model.sources.at(Part::unet), tiny_model_path());

  TemporaryFolder folder;
  Tensors vae;
  for (const auto& [name, tensor] : tiny())
    if (name.starts_with("first_stage_model.")) vae[name] = tensor.to_f32();
  write_safetensors(folder / "vae.safetensors", vae);
  const auto other = assemble({.model = tiny_model_path(), .vae = folder / "vae.safetensors"});
  EXPECT_EQ(other.tensors.at("first_stage_model.quant_conv.weight").dtype(), DType::f32);
  EXPECT_EQ(other.tensors.at("model.diffusion_model.out.2.weight").dtype(), DType::f16);
  // From a file that holds more than what is wanted
  EXPECT_EQ(count_equal(assemble({.model = tiny_model_path(), .vae = tiny_model_path()})), 980);
}

// Writes the tiny model after a change.
std::filesystem::path changed(const TemporaryFolder& folder, const std::filesystem::path& from,
                              const std::function<void(Tensors&)>& change) {
  Tensors tensors = load_checkpoint(from).tensors.tensors;
  change(tensors);
  write_safetensors(folder / "changed.safetensors", tensors);
  return folder / "changed.safetensors";
}

TEST(Checkpoint, ErrorsSayWhatAFileIsAndWhatWasExpected) {
  TemporaryFolder folder;
  const auto refuses = [](ErrorKind kind, std::initializer_list<std::string> parts,
                          const ModelFiles& files) {
    return fails_with(kind, parts, [&] { assemble(files); });
  };
  const auto model = tiny_model_path(), control = tiny_control_path();
  constexpr auto bad = ErrorKind::bad_file, unsupported = ErrorKind::unsupported;
  EXPECT_TRUE(refuses(bad, {"control.safetensors", "holds ControlNet", "expected a base model"},
                      {.model = control}));
  EXPECT_TRUE(refuses(bad, {"sd15.safetensors", "UNet, VAE, text encoder", "expected a ControlNet"},
                      {.model = model, .control = model}));
  EXPECT_TRUE(
      refuses(bad, {"control.safetensors", "expected a VAE"}, {.model = model, .vae = control}));
  EXPECT_TRUE(
      refuses(bad, {"merged.pth", "tensor", "missing"}, {.model = data("checkpoint/merged.pth")}));
  EXPECT_TRUE(refuses(bad, {"merged.pth", "control_model", "missing"},
                      {.model = model, .control = data("checkpoint/merged.pth")}));
  EXPECT_TRUE(refuses(unsupported,
                      {"small/controlnet", "another base model", "text width 12, expected 64"},
                      {.model = model, .control = data("checkpoint/small/controlnet")}));

  const std::string time = "control_model.time_embed.2.bias";
  EXPECT_TRUE(refuses(bad, {"changed", time, "found f32[1], expected floating-point [128]"},
                      {.model = model, .control = changed(folder, control, [&](Tensors& t) {
                                         t[time] = make_tensor({1}, std::vector<float>{1});
                                       })}));
  EXPECT_TRUE(refuses(unsupported, {"changed", "\"difference\" ControlNet"},
                      {.model = model, .control = changed(folder, control, [](Tensors& t) {
                                         t["difference"] = make_tensor({1}, std::vector<float>{1});
                                       })}));
  EXPECT_TRUE(refuses(unsupported, {"changed", "\"difference\" ControlNet"},
                      {.model = changed(folder, model, [](Tensors& t) {
                         t.insert(tiny().begin(), tiny().end());
                         t["difference"] = make_tensor({1}, std::vector<float>{1});
                       })}));
  EXPECT_TRUE(refuses(
      unsupported, {"changed", "takes 8 channels", "4, or 9 for inpainting"},
      {.model = changed(folder, model, [](Tensors& t) {
         t["model.diffusion_model.input_blocks.0.0.weight"] = Tensor({DType::f16, {32, 8, 3, 3}});
       })}));
}

TEST(Checkpoint, OtherFamiliesAreNamed) {
  TemporaryFolder folder;
  const Tensor one = make_tensor({1}, std::vector<float>{1});
  const auto refuses = [&](const std::string& family, const std::string& name,
                           const Tensor& tensor) {
    write_safetensors(folder / "x.safetensors", {{name, tensor}});
    return fails_with(ErrorKind::unsupported, {"x.safetensors", family, "not supported yet"},
                      [&] { load_checkpoint(folder / "x.safetensors"); });
  };
  const std::string block = "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight";
  const auto wide = [](int64_t width) { return Tensor({DType::f16, {1, width}}); };
  EXPECT_TRUE(refuses("SDXL", "conditioner.embedders.0.transformer.x", one));
  EXPECT_TRUE(refuses("SDXL", "model.diffusion_model." + block, wide(2048)));
  EXPECT_TRUE(refuses("SDXL", "control_model." + block, wide(2048)));
  write_safetensors(folder / "x.safetensors", {{"lora_unet_down_blocks_0.alpha", one}});
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"x.safetensors", "LoRA", "beside it"},
                         [&] { load_checkpoint(folder / "x.safetensors"); }));
  write_safetensors(folder / "x.safetensors", {{"what", one}});
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"holds no UNet", "the first is what"},
                         [&] { load_checkpoint(folder / "x.safetensors"); }));
  write_safetensors(folder / "x.safetensors", {});
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"x.safetensors", "holds no tensors"},
                         [&] { load_checkpoint(folder / "x.safetensors"); }));
  std::filesystem::create_directories(folder / "xl/text_encoder_2");
  EXPECT_TRUE(
      fails_with(ErrorKind::unsupported, {"SDXL"}, [&] { load_checkpoint(folder / "xl"); }));
}

TEST(Canonical, RefusesTwoNamesForOneTensor) {
  const Tensor one = make_tensor({1}, std::vector<float>{1});
  NamedTensors twice;
  twice.tensors = {{"text_model.final_layer_norm.bias", one}, {"final_layer_norm.bias", one}};
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"f.bin", "two names"}, [&] { canonical(twice, "f.bin"); }));
}

TEST(DiffusersFolder, RefusesWhatIsDamaged) {
  TemporaryFolder folder;
  const auto refuses = [&](std::initializer_list<std::string> parts) {
    return fails_with(ErrorKind::bad_file, parts, [&] { load_checkpoint(folder.path()); });
  };
  EXPECT_TRUE(refuses({"not a diffusers folder"}));
  std::filesystem::create_directory(folder / "vae");
  EXPECT_TRUE(refuses({"vae", "has no weights"}));
  const auto index = folder / "vae/diffusion_pytorch_model.safetensors.index.json";
  for (const std::string shard : {"../secret", "/etc/passwd", "..", "", "a\\\\b", "a/b"}) {
    write_file(index, R"({"weight_map": {"encoder.conv_in.bias": ")" + shard + "\"}}");
    EXPECT_TRUE(refuses({"index.json", "not a plain file name"})) << shard;
  }
  write_file(index, R"({"weight_map": {"encoder.conv_in.bias": "a.safetensors"}})");
  EXPECT_TRUE(refuses({"a.safetensors", "cannot be opened"}));
  write_safetensors(folder / "vae/a.safetensors",
                    {{"encoder.conv_in.weight", make_tensor({1}, std::vector<float>{1})}});
  EXPECT_TRUE(refuses({"encoder.conv_in.bias", "not in shard a.safetensors"}));
  write_file(index, R"({"weight_map": 3})");
  EXPECT_TRUE(refuses({"no weight_map"}));
  write_file(index, R"({"weight_map": {"x": 3}})");
  EXPECT_TRUE(refuses({"tensor x", "not a string"}));
  write_file(index, "{");
  EXPECT_TRUE(refuses({"no weight_map"}));
  write_file(index, R"({"weight_map": {"encoder.conv_in.weight": "a.safetensors"}})");
  EXPECT_TRUE(load_checkpoint(folder.path()).has(Part::vae));
  write_file(folder / "vae/config.json", "{");
  EXPECT_TRUE(refuses({"config.json", "not JSON"}));
}

TEST(DiffusersFolder, PrefersWholeFilesOfFullPrecision) {
  TemporaryFolder folder;
  const auto put = [&](const std::string& name, float value) {
    write_safetensors(folder / name,
                      {{"encoder.conv_in.bias", make_tensor({1}, std::vector<float>{value})}});
  };
  const auto value = [&] {
    const auto read = load_checkpoint(folder.path()).tensors;
    return read.at("first_stage_model.encoder.conv_in.bias").to_f32().floats()[0];
  };
  put("diffusion_pytorch_model.fp16.safetensors", 16);
  EXPECT_EQ(value(), 16);
  put("diffusion_pytorch_model.safetensors", 32);
  EXPECT_EQ(value(), 32);
}

TEST(Checkpoint, OtherPredictionsAreRefused) {
  TemporaryFolder folder;
  std::filesystem::copy(data("checkpoint/small"), folder / "m",
                        std::filesystem::copy_options::recursive);
  write_file(folder / "m/scheduler/scheduler_config.json",
             R"({"prediction_type": "flow_prediction"})");
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"prediction_type", "flow_prediction", "epsilon"},
                         [&] { assemble({.model = folder / "m"}); }));
}

TEST(Checkpoint, DeeplyNestedConfigurationsAreRefused) {  // whose copies would use up the stack
  TemporaryFolder folder;
  std::filesystem::copy(data("checkpoint/small"), folder / "m",
                        std::filesystem::copy_options::recursive);
  const auto nested = [](size_t depth) {
    return R"({"prediction_type": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  for (const char* file : {"scheduler/scheduler_config.json", "unet/config.json"}) {
    const std::string before = read_file(folder / "m" / file);
    write_file(folder / "m" / file, nested(1'000'000));
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {file, "not JSON"},
                           [&] { assemble({.model = folder / "m"}); }));
    write_file(folder / "m" / file, before);
  }
  write_file(folder / "m/scheduler/scheduler_config.json", nested(5));
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"prediction_type", "[[[[[]]]]]"},
                         [&] { assemble({.model = folder / "m"}); }));
}

TEST(DiffusersFolder, ATokenizerNeedsItsVocabularyFiles) {
  // Newer folders hold tokenizer.json alone; the built-in vocabulary then has to do.
  EXPECT_FALSE(load_checkpoint(data("checkpoint/folder")).tokenizer);
  TemporaryFolder folder;
  std::filesystem::copy(data("checkpoint/small"), folder / "m",
                        std::filesystem::copy_options::recursive);
  std::filesystem::create_directory(folder / "m/tokenizer");
  write_file(folder / "m/tokenizer/vocab.json", "{}");
  EXPECT_FALSE(load_checkpoint(folder / "m").tokenizer);
  write_file(folder / "m/tokenizer/merges.txt", "");
  EXPECT_EQ(load_checkpoint(folder / "m").tokenizer, folder / "m/tokenizer");
  // Another text encoder's tokens are not those of the model's own.
  EXPECT_EQ(assemble({.model = folder / "m"}).tokenizer, folder / "m/tokenizer");
  EXPECT_FALSE(
      assemble({.model = folder / "m", .text_encoder = data("checkpoint/small/text_encoder")})
          .tokenizer);
}

}  // namespace
}  // namespace drypoint

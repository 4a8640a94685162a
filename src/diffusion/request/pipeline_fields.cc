#include <fmt/ranges.h>

#include "diffusion/request/field_makers.h"

namespace drypoint {
namespace fields {
namespace {

/// "auto", "cpu", "cuda", "cuda:1" or "reference".
bool is_device(std::string_view text) {
  int number = 0;
  if (text.starts_with("cuda:")) return parse_number(text.substr(5), number) && number >= 0;
  return text == "auto" || text == "cpu" || text == "cuda" || text == "reference";
}

Field<PipelineOptions> device() {
  const std::string expected = "auto, cpu, cuda, cuda:N or reference";
  const auto check = [=](std::string_view text) {
    if (!is_device(text)) refuse("device", text, expected);
  };
  return field<PipelineOptions>(
      "device", FieldType::word, expected,
      "auto (a GPU where there is one), cpu, cuda, cuda:N or reference",
      [](const PipelineOptions& o) { return o.device; },
      [=](PipelineOptions& o, std::string_view text) {
        check(text);
        o.device = text;
      },
      [=](const PipelineOptions& o) { check(o.device); });
}

template <class Settings>
Field<Settings> file(std::string name, std::filesystem::path Settings::*member, std::string help) {
  return field<Settings>(
      name, FieldType::file, "a file", std::move(help),
      [=](const Settings& s) { return (s.*member).string(); },
      [=](Settings& s, std::string_view text) { s.*member = text; }, [](const Settings&) {});
}

template <class Settings>
Field<Settings> file(std::string name, std::optional<std::filesystem::path> Settings::*member,
                     std::string help) {
  return field<Settings>(
      name, FieldType::file, "a file or folder", std::move(help),
      [=](const Settings& s) { return (s.*member).value_or("").string(); },
      [=](Settings& s, std::string_view text) {
        (s.*member).reset();
        if (!text.empty()) s.*member = text;
      },
      [](const Settings&) {});
}

/// "a,b": words with commas between.
template <class Settings>
Field<Settings> words(std::string name, std::vector<std::string> Settings::*member,
                      std::string help) {
  return field<Settings>(
      name, FieldType::text, "words with commas between", std::move(help),
      [=](const Settings& s) { return fmt::format("{}", fmt::join(s.*member, ",")); },
      [=](Settings& s, std::string_view text) {
        (s.*member).clear();
        while (!text.empty()) {
          const size_t end = std::min(text.find(','), text.size());
          if (end > 0) (s.*member).emplace_back(text.substr(0, end));
          text.remove_prefix(std::min(end + 1, text.size()));
        }
      },
      [](const Settings&) {});
}

}  // namespace
}  // namespace fields

const std::vector<Field<PipelineOptions>>& pipeline_fields() {
  using namespace fields;
  using P = PipelineOptions;
  static const std::vector<Field<P>> all{
      integer("threads", &P::threads, 0, 1024, "Threads to use; 0: all cores"),
      device(),
      choice("precision", &P::precision,
             {{"auto", Precision::automatic},
              {"fp16", Precision::fp16},
              {"bf16", Precision::bf16},
              {"tf32", Precision::tf32},
              {"fp32", Precision::fp32},
              {"fp8", Precision::fp8},
              {"int8", Precision::int8}},
             "Of the computation; auto: fp16 on a GPU, fp32 on a CPU, where\n"
             "bf16 is of products alone; fp8 and int8: of the denoiser's larger\n"
             "products (see --calibration), all else auto"),
      integer("max_memory", &P::max_memory, 0, 1 << 24,
              "MiB of the device for weights and activations; 0: all there is.\n"
              "Text encoder, denoiser and VAE take turns then, the VAE in tiles\n"
              "where it must"),
      integer("level", &P::level, 0, 5,
              "GPU: tuning, 0 (take what is known), 1 to 4 (time what is\n"
              "not known) or 5 (time all that the cache does not have)"),
      file("tuning_cache", &P::tuning_cache, "GPU: file of measured choices, read and added to"),
      integer("aux_streams", &P::aux_streams, 0, 7,
              "GPU: streams beside the main one, for work that need not\n"
              "wait for its turn, 0 to 7"),
      flag("graphs", &P::graphs, "GPU: each step as one CUDA graph")};
  return all;
}

const std::vector<Field<ModelFiles>>& model_fields() {
  using namespace fields;
  using M = ModelFiles;
  static const std::vector<Field<M>> all{
      with(file("model", &M::model,
                "Checkpoint: a .safetensors, .ckpt or .pth file, or a diffusers folder;\n"
                "random:sd15, random:sd21, random:tiny are random weights, for measurements.\n"
                "Without it, the small demo model serves"),
           &Field<M>::letter, "m"),
      file("control", &M::control, "ControlNet, which requests call canny"),
      file("vae", &M::vae, "Take the VAE from this checkpoint"),
      file("text_encoder", &M::text_encoder, "Take the text encoder from this checkpoint"),
      file("embeddings", &M::embeddings,
           "Folder of embeddings (.pt, .bin, .safetensors), which prompts call\nby their files' "
           "names"),
      file(
          "loras", &M::loras,
          "Folder of LoRAs and other adapters, which prompts (<lora:NAME:0.8>)\nand --lora call by "
          "their files' names"),
      file("upscaler", &M::upscaler,
           "Network that makes pictures larger (ESRGAN, RealESRGAN), for second\npasses (the "
           "upscaler \"model\")"),
      file("annotators", &M::annotators,
           "Folder with the weights of preprocessors that are networks, under\ntheir public names "
           "(body_pose_model.pth)"),
      choice("prediction", &M::prediction,
             {{"auto", Prediction::automatic},
              {"epsilon", Prediction::epsilon},
              {"v", Prediction::v},
              {"sample", Prediction::sample}},
             "What the UNet gives; auto: what the model says of itself"),
      file("calibration", &M::calibration,
           "With precision fp8 or int8: ranges of values, by drypoint calibrate"),
      words("keep", &M::keep,
            "With precision fp8 or int8: modules that stay as they are, with\ncommas between, such "
            "as "
            "model.diffusion_model.middle_block.0.in_layers.2;\na * at the end stands for all that "
            "begin so"),
      file("plan", &M::plan,
           "Instead of a model and a VAE: a file by drypoint build, which\nloads at once")};
  return all;
}

}  // namespace drypoint

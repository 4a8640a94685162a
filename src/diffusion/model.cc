#include "diffusion/model.h"

#include <fmt/format.h>

#include <thread>

#include "base/error.h"
#include "checkpoint/sizes.h"
#include "compile/compile.h"
#include "diffusion/schedule.h"
#include "models/clip.h"
#include "models/vae.h"

namespace drypoint {
namespace {

std::unique_ptr<Backend> make_backend(const std::string& device, int threads) {
  if (threads < 0 || threads > 1024)
    fail(ErrorKind::bad_argument, "threads: {}, expected 0 (all) to 1024", threads);
  if (device == "auto" || device == "cpu") return make_cpu_backend(threads);
  if (device == "reference") return make_reference_backend();
  fail(ErrorKind::bad_argument, "device: \"{}\", expected auto, cpu or reference", device);
}

Tokenizer tokenizer_for(const Checkpoint& checkpoint) {
  return checkpoint.tokenizer ? Tokenizer::from_folder(*checkpoint.tokenizer)
                              : Tokenizer::built_in();
}

std::vector<float> alphas_of(const NamedTensors& tensors) {
  const Tensor* own = tensors.find("alphas_cumprod");
  if (!own) return default_alphas_cumprod();
  const Tensor values = own->to_f32();
  return {values.floats().begin(), values.floats().end()};
}

std::string file_name(const std::filesystem::path& path) {
  const auto clean = path.has_filename() ? path : path.parent_path();
  return clean.stem().string();
}

}  // namespace

Model::Model(const ModelFiles& files, const PipelineOptions& options)
    : checkpoint_(assemble(files)),
      backend_(make_backend(options.device, options.threads)),
      store_(std::make_unique<WeightStore>(checkpoint_.tensors, *backend_)),
      tokenizer_(tokenizer_for(checkpoint_)),
      alphas_cumprod_(alphas_of(checkpoint_.tensors)) {
  if (!checkpoint_.has(Part::control))
    fail(ErrorKind::bad_argument, "{}: holds no ControlNet, and none was given beside it",
         files.model.string());
  for (const auto& [name, tensor] : checkpoint_.tensors.tensors) types_[name] = tensor.type();
  const ClipSizes text = read_clip_sizes(checkpoint_.tensors);
  if (tokenizer_.vocabulary_size() > text.vocabulary)
    fail(ErrorKind::bad_file, "{}: the tokenizer has {} pieces, the text encoder {}",
         files.model.string(), tokenizer_.vocabulary_size(), text.vocabulary);
  text_heads_ = text.heads;
  heads_ = read_unet_sizes(checkpoint_.tensors).heads;
  latent_channels_ = read_vae_sizes(checkpoint_.tensors).latent_channels;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  description_ = {file_name(files.model), file_name(files.control.value_or(files.model)),
                  backend_->name(), options.threads > 0 ? options.threads : cores};
}

std::unique_ptr<Executor> Model::executor(Graph graph, const StopRequested& stop) {
  return std::make_unique<Executor>(compile(std::move(graph)), *backend_, *store_, stop);
}

Executor& Model::text_encoder(int64_t prompts, const StopRequested& stop) {
  return text_encoders_.get(std::to_string(prompts), [&] {
    return executor(build_clip(types_, {.heads = text_heads_}, prompts, kTokenCount), stop);
  });
}

Executor& Model::denoiser(const DenoiserShape& s, const StopRequested& stop) {
  const auto key =
      fmt::format("{} latents {} prompts {} contexts {}x{} {} steps control {}", s.latents,
                  s.prompts, s.contexts, s.height, s.width, s.max_steps, s.control);
  return denoisers_.get(key, [&] { return executor(build_denoiser(types_, {heads_}, s), stop); });
}

Executor& Model::vae_decoder(int64_t height, int64_t width, const StopRequested& stop) {
  return vae_decoders_.get(fmt::format("{}x{}", height, width), [&] {
    return executor(build_vae_decoder(types_, 1, height, width), stop);
  });
}

}  // namespace drypoint

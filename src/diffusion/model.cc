#include "diffusion/model.h"

#include <charconv>

#include "base/error.h"
#include "checkpoint/sizes.h"
#include "compile/compile.h"
#include "diffusion/schedule.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

DType parse_precision(const std::string& text) {
  if (text == "fp16") return DType::f16;
  if (text == "bf16") return DType::bf16;
  if (text == "fp32" || text == "tf32") return DType::f32;
  fail(ErrorKind::bad_argument, "precision: \"{}\", expected auto, fp16, bf16, tf32 or fp32", text);
}

/// "cuda" or "cuda:1"
int parse_device(const std::string& text) {
  int number = 0;
  const char *first = text.data() + 5, *end = text.data() + text.size();
  if (text.size() > 4)
    if (const auto [last, error] = std::from_chars(first, end, number);
        text[4] != ':' || error != std::errc() || last != end || number < 0)
      fail(ErrorKind::bad_argument, "device: \"{}\", expected cuda or cuda:NUMBER", text);
  return number;
}

std::unique_ptr<Backend> make_gpu_backend(const PipelineOptions& options) {
  const bool chosen = options.precision != "auto";
  return make_cuda_backend({.device = options.device == "auto" ? 0 : parse_device(options.device),
                            .precision = chosen ? parse_precision(options.precision) : DType::f16,
                            .tf32 = options.precision == "tf32",
                            .graphs = options.graphs,
                            .level = options.level,
                            .tuning_cache = options.tuning_cache.string()});
}

std::unique_ptr<Backend> make_host_backend(const PipelineOptions& options) {
  if (options.precision != "auto" && options.precision != "fp32") {
    parse_precision(options.precision);
    fail(ErrorKind::unsupported, "precision: \"{}\" on device {}, expected fp32", options.precision,
         options.device);
  }
  if (options.device == "reference") return make_reference_backend();
  return make_cpu_backend(options.threads);
}

std::unique_ptr<Backend> make_backend(const PipelineOptions& options) {
  if (options.threads < 0 || options.threads > 1024)
    fail(ErrorKind::bad_argument, "threads: {}, expected 0 (all) to 1024", options.threads);
  if (options.level < 0 || options.level > 5)
    fail(ErrorKind::bad_argument, "level: {}, expected 0 to 5", options.level);
  if (options.device.starts_with("cuda")) return make_gpu_backend(options);
  if (options.device == "cpu" || options.device == "reference") return make_host_backend(options);
  if (options.device != "auto")
    fail(ErrorKind::bad_argument, "device: \"{}\", expected auto, cpu, cuda, cuda:N or reference",
         options.device);
  try {
    return make_gpu_backend(options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    return make_host_backend(options);
  }
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
  return valid_utf8(clean.stem().string());
}

// What the pipeline takes for granted: three channels, and latents an eighth as wide and high.
void check_proportions(const std::map<Part, std::string>& sources, const ControlnetSizes& control,
                       const VaeSizes& vae, const ClipSizes& text) {
  if (vae.picture_channels != 3 || vae.channels.size() != 4)
    fail(ErrorKind::unsupported,
         "{}: the VAE has {} levels and pictures of {} channels, expected 4 and 3",
         sources.at(Part::vae), vae.channels.size(), vae.picture_channels);
  if (control.hint_channels.front() != 3 || control.hint_channels.size() != 9)
    fail(ErrorKind::unsupported,
         "{}: the ControlNet has {} convolutions for a hint of {} channels, expected 8 and 3",
         sources.at(Part::control), control.hint_channels.size() - 1,
         control.hint_channels.front());
  if (text.positions != kTokenCount)
    fail(ErrorKind::unsupported, "{}: the text encoder has {} positions, expected {}",
         sources.at(Part::text), text.positions, kTokenCount);
}

}  // namespace

Model::Model(const ModelFiles& files, const PipelineOptions& options)
    : checkpoint_(assemble(files)),
      backend_(make_backend(options)),
      store_(std::make_unique<WeightStore>(checkpoint_.tensors, *backend_)),
      tokenizer_(tokenizer_for(checkpoint_)),
      alphas_cumprod_(alphas_of(checkpoint_.tensors)) {
  if (!checkpoint_.has(Part::control))
    fail(ErrorKind::bad_argument, "{}: holds no ControlNet, and none was given beside it",
         files.model.string());
  const UnetSizes unet = read_unet_sizes(checkpoint_.tensors);
  const ControlnetSizes control = read_controlnet_sizes(checkpoint_.tensors);
  const VaeSizes vae = read_vae_sizes(checkpoint_.tensors);
  const ClipSizes text = read_clip_sizes(checkpoint_.tensors);
  check_proportions(checkpoint_.sources, control, vae, text);
  // Only tensors that were checked: whatever else a file holds must not shape the graphs.
  for (const auto& part :
       {tensors_of(unet), tensors_of(control), tensors_of(vae), tensors_of(text)})
    for (const auto& [name, shape] : part) types_[name] = {DType::f32, shape};
  if (tokenizer_.vocabulary_size() > text.vocabulary)
    fail(ErrorKind::bad_file, "{}: the tokenizer has {} pieces, the text encoder {}",
         files.model.string(), tokenizer_.vocabulary_size(), text.vocabulary);
  // Fails now rather than with the first picture if the file's own noise levels make no sense.
  ddim_steps(alphas_cumprod_, 1, ScheduleKind::exact, 0,
             checkpoint_.sources.at(Part::unet) + ": alphas_cumprod");
  text_config_.heads = text.heads;
  denoiser_config_ = {unet.heads, unet.groups};
  vae_config_.groups = vae.groups;
  latent_channels_ = vae.latent_channels;
  scaling_factor_ = static_cast<float>(vae.scaling_factor);
  description_ = {file_name(files.model), file_name(files.control.value_or(files.model)),
                  backend_->name(), backend_->threads()};
}

std::unique_ptr<Executor> Model::executor(Graph graph, const StopRequested& stop) {
  constexpr size_t for_code = 64 << 20;  // oneDNN generates code, and crashes where it cannot
  const size_t available = backend_->available_memory();
  if (available < for_code)
    fail(ErrorKind::out_of_memory, "{} MiB needed for kernels, {} MiB available", for_code >> 20,
         available >> 20);
  return std::make_unique<Executor>(compile(std::move(graph), backend_->target()), *backend_,
                                    *store_, stop);
}

Executor& Model::text_encoder(int64_t prompts, const StopRequested& stop) {
  return executors_.get(prompts, [&] {
    return executor(build_clip(types_, text_config_, prompts, kTokenCount), stop);
  });
}

Executor& Model::denoiser(const DenoiserShape& shape, const StopRequested& stop) {
  return executors_.get(
      shape, [&] { return executor(build_denoiser(types_, denoiser_config_, shape), stop); });
}

Executor& Model::vae_decoder(int64_t height, int64_t width, const StopRequested& stop) {
  return executors_.get(std::pair(height, width), [&] {
    return executor(build_vae_decoder(types_, 1, height, width, vae_config_), stop);
  });
}

}  // namespace drypoint

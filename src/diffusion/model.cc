#include "diffusion/model.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "checkpoint/configurations.h"
#include "checkpoint/noise_schedule.h"
#include "checkpoint/prediction.h"
#include "compile/compile.h"
#include "drypoint/fields.h"
#include "drypoint/version.h"
#include "models/controlnet.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "models/vae.h"
#include "tensor/precision.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

/// The number in "cuda:1"; "cuda" and "auto" are the first.
int number_of(std::string_view device) {
  int number = 0;
  if (const size_t colon = device.find(':'); colon != device.npos)
    std::from_chars(device.data() + colon + 1, device.data() + device.size(), number);
  return number;
}

std::unique_ptr<Backend> make_gpu_backend(const PipelineOptions& options) {
  return make_cuda_backend({.device = number_of(options.device),
                            .precision = dtype_of(options.precision),
                            .tf32 = options.precision == Precision::tf32,
                            .graphs = options.graphs,
                            .aux_streams = options.aux_streams,
                            .level = options.level,
                            .tuning_cache = options.tuning_cache.string()});
}

std::unique_ptr<Backend> make_host_backend(const PipelineOptions& options) {
  if (options.precision != Precision::automatic && options.precision != Precision::fp32)
    fail(ErrorKind::unsupported, "precision: \"{}\" on device {}, expected fp32",
         options.precision.name(), options.device);
  if (options.device == "reference") return make_reference_backend();
  return make_cpu_backend(options.threads);
}

std::unique_ptr<Backend> make_backend(const PipelineOptions& options) {
  for (const auto& field : pipeline_fields()) field.check(options);
  if (options.device.starts_with("cuda")) return make_gpu_backend(options);
  if (options.device == "cpu" || options.device == "reference") return make_host_backend(options);
  try {
    return make_gpu_backend(options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    return make_host_backend(options);
  }
}

const std::filesystem::path& main_file(const ModelFiles& files) {
  return files.plan ? *files.plan : files.model;
}

std::unique_ptr<const PlanFile> open_plan(const ModelFiles& files) {
  if (!files.plan) return nullptr;
  const std::string plan = files.plan->string();
  const auto refuse = [&](std::string_view option, const std::filesystem::path& other) {
    fail(ErrorKind::bad_argument, "{}: {} comes with the plan {}, expected none beside it", option,
         other.string(), plan);
  };
  if (!files.model.empty()) refuse("model", files.model);
  if (files.vae) refuse("vae", *files.vae);
  if (files.text_encoder) refuse("text_encoder", *files.text_encoder);
  auto file = std::make_unique<const PlanFile>(*files.plan);
  if (file->info().producer != version())
    fail(ErrorKind::bad_file, "{}: was built by drypoint {}, this is {}: build it again", plan,
         file->info().producer, version());
  return file;
}

Checkpoint checkpoint_for(const ModelFiles& files, const PlanFile* file) {
  if (!file) return assemble(files);
  for (const Part part : {Part::unet, Part::vae, Part::text, Part::control})
    if (!file->checkpoint().has(part))
      fail(ErrorKind::bad_file, "{}: the plan has no {}", file->name(), name_of(part));
  check_fit(file->checkpoint());
  return file->checkpoint();
}

/// The options, with the plan's device and precision in the place of "auto".
PipelineOptions options_for(const PlanFile& file, PipelineOptions options) {
  const PlanDevice& device = file.info().device;
  const auto kind = options.device.substr(0, options.device.find(':'));
  if (kind != "auto" && kind != device.kind)
    fail(ErrorKind::bad_argument, "device: \"{}\", but the plan {} was built for {}",
         options.device, file.name(), device.kind);
  if (options.precision != Precision::automatic && options.precision != device.precision)
    fail(ErrorKind::bad_argument, "precision: \"{}\", but the plan {} was built for {}",
         options.precision.name(), file.name(), device.precision.name());
  if (kind == "auto") options.device = device.kind;
  options.precision = device.precision;
  return options;
}

std::unique_ptr<Backend> backend_for(const PlanFile* file, const PipelineOptions& options) {
  if (!file) return make_backend(options);
  const PlanDevice& wanted = file->info().device;
  std::unique_ptr<Backend> backend;
  const PipelineOptions own = options_for(*file, options);
  try {
    backend = make_backend(own);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    fail(error.kind(), "{}: was built for {} ({}): {}", file->name(), wanted.kind, wanted.name,
         error.what());
  }
  const PlanDevice found = backend->identity();
  if (found.hardware != wanted.hardware)
    fail(ErrorKind::unsupported,
         "{}: was built for {} ({}, {}), this device is {} ({}): build it again", file->name(),
         wanted.kind, wanted.name, wanted.hardware, found.name, found.hardware);
  if (found.code != wanted.code)
    fail(ErrorKind::bad_file,
         "{}: its weights were packed by the code {}, this program's is {}: build it again",
         file->name(), wanted.code, found.code);
  if (!file->choices().empty()) backend->take_choices(file->choices(), file->name());
  return backend;
}

Tokenizer tokenizer_for(const Checkpoint& checkpoint, const PlanFile* file) {
  Tokenizer tokenizer =
      file && file->info().has_tokenizer
          ? Tokenizer::from_texts(file->tokenizer().first, file->tokenizer().second, file->name())
      : checkpoint.tokenizer ? Tokenizer::from_folder(*checkpoint.tokenizer)
                             : Tokenizer::built_in();
  const Metadata& metadata = checkpoint.tensors.metadata;
  const auto said = metadata.find(padding_key);
  // Where no tokenizer says it, OpenCLIP's encoder is known by its activation.
  const bool openclip = said != metadata.end()
                            ? said->second == "!"
                            : detect_clip(checkpoint.tensors).activation == ActivationKind::gelu;
  if (openclip) tokenizer.pad_with_exclamation_mark();
  return tokenizer;
}

// A single file's own noise levels, those of a folder's scheduler, or the usual ones. Fails now
// rather than with the first picture if they make no sense.
NoiseSchedule noise_schedule_of(const Checkpoint& checkpoint, const std::string& model) {
  const Metadata& metadata = checkpoint.tensors.metadata;
  const std::string file = (std::filesystem::path(model) / scheduler_config).string();
  check_sampler(metadata, file);
  if (auto configured = configured_alphas_cumprod(metadata, file))
    return NoiseSchedule(std::move(*configured), file);
  const Tensor* own = checkpoint.tensors.find("alphas_cumprod");
  if (!own) return NoiseSchedule();
  const Tensor values = own->to_f32();
  const auto unet = checkpoint.sources.find(Part::unet);
  return NoiseSchedule(
      {values.floats().begin(), values.floats().end()},
      (unet == checkpoint.sources.end() ? model : unet->second) + ": alphas_cumprod");
}

std::string file_name(const std::filesystem::path& path) {
  const auto clean = path.has_filename() ? path : path.parent_path();
  return valid_utf8(clean.stem().string());
}

// What the pipeline takes for granted: three channels, and latents an eighth as wide and high.
void check_proportions(const std::map<Part, std::string>& sources, const ModelConfig& config) {
  const auto& [unet, control, vae, text, prediction, zero_terminal_snr] = config;
  if (is_inpainting(unet))
    fail(ErrorKind::unsupported,
         "{}: the UNet is one for inpainting: of its {} input channels {} are a mask and a masked "
         "picture, which cannot be given yet; expected a UNet of {} input channels",
         sources.at(Part::unet), unet.in_channels, unet.in_channels - unet.out_channels,
         unet.out_channels);
  if (vae.image_channels != 3 || vae.channels.size() != 4)
    fail(ErrorKind::unsupported,
         "{}: the VAE has {} levels and pictures of {} channels, expected 4 and 3",
         sources.at(Part::vae), vae.channels.size(), vae.image_channels);
  if (control->hint_channels.front() != 3 || control->hint_channels.size() != 9)
    fail(ErrorKind::unsupported,
         "{}: the ControlNet has {} convolutions for a hint of {} channels, expected 8 and 3",
         sources.at(Part::control), control->hint_channels.size() - 1,
         control->hint_channels.front());
  if (text.positions != kTokenCount)
    fail(ErrorKind::unsupported, "{}: the text encoder has {} positions, expected {}",
         sources.at(Part::text), text.positions, kTokenCount);
}

}  // namespace

Model::Model(const ModelFiles& files, const PipelineOptions& options)
    : name_(main_file(files).string()),
      file_(open_plan(files)),
      checkpoint_(checkpoint_for(files, file_.get())),
      backend_(backend_for(file_.get(), options)),
      store_(std::make_unique<WeightStore>(checkpoint_.tensors, *backend_, file_.get())),
      tokenizer_(tokenizer_for(checkpoint_, file_.get())),
      noise_schedule_(noise_schedule_of(checkpoint_, name_)) {
  if (!checkpoint_.has(Part::control))
    fail(ErrorKind::bad_argument,
         "{}: holds no ControlNet, and none was given beside it; expected --control canny=FILE",
         name_);
  config_ = detect(checkpoint_.tensors);
  choose_prediction(options.prediction);
  check_proportions(checkpoint_.sources, config_);
  if (tokenizer_.vocabulary_size() > config_.text.vocabulary)
    fail(ErrorKind::bad_file, "{}: the tokenizer has {} pieces, the text encoder {}", name_,
         tokenizer_.vocabulary_size(), config_.text.vocabulary);
  if (files.embeddings) embeddings_ = Embeddings(*files.embeddings, tokenizer_, config_.text.width);
  description_ = {file_name(main_file(files)), file_name(files.control.value_or(files.model)),
                  backend_->name(), backend_->threads()};
  if (!file_) return;
  description_.model = file_->info().model;
  description_.control = file_->info().control;
  if (files.control) set_control(*files.control);
}

void Model::choose_prediction(Prediction asked) {
  if (asked != Prediction::automatic) {
    config_.prediction = asked;
  } else if (config_.prediction == Prediction::automatic) {
    config_.prediction = guessed_prediction(checkpoint_.tensors, config_.unet);
    if (config_.unet.linear_projections)
      notices_.push_back(fmt::format(
          "model: {}: nothing says what its UNet predicts; by its weights it is taken for {} "
          "(prediction: epsilon or v)",
          checkpoint_.sources.at(Part::unet), drypoint::name(config_.prediction)));
  }
  if (config_.zero_terminal_snr) noise_schedule_ = noise_schedule_.with_zero_terminal_snr();
  // A plan keeps the metadata.
  write_prediction(checkpoint_.tensors.metadata, {config_.prediction, config_.zero_terminal_snr});
}

void Model::set_control(const std::filesystem::path& path) {
  Checkpoint next = checkpoint_;
  replace_control(next, path);
  const ControlnetConfig control = *detect(next.tensors).control;
  // All that can be wrong with the file shows before anything changes.
  const std::vector<TensorSpec> fresh = tensors_of(control);
  parallel_for(fresh.size(), usable_cores(), [&](size_t i) {
    try {
      check_finite(fresh[i].name, next.tensors.at(fresh[i].name));
    } catch (const Error& error) {
      fail(error.kind(), "{}: {}", path.string(), error.what());
    }
  });
  checkpoint_ = std::move(next);
  read_since_check_ = true;
  description_.control = file_name(path);
  store_->forget(prefix_of(Part::control));
  if (std::exchange(config_.control, control) != control) executors_.clear();  // other heads
  try {
    executors_.for_each([&](Executor& executor) { executor.renew_weights(*store_); });
  } catch (...) {
    executors_.clear();  // what is made anew has the new weights
    throw;
  }
}

void Model::check_files() {
  // A plan's weights are used where they are mapped, if the device shares the host's memory; all
  // else is read while executors are made.
  if (!read_since_check_ && !(file_ && backend_->shares_host_memory())) return;
  checkpoint_.tensors.check_files_unchanged();
  if (file_) file_->checkpoint().tensors.check_files_unchanged();
  read_since_check_ = false;
}

std::unique_ptr<Executor> Model::executor(Graph graph, const StopRequested& stop) {
  read_since_check_ = true;
  auto executor = std::make_unique<Executor>(compile(std::move(graph), backend_->target()),
                                             *backend_, *store_, stop);
  release_free_memory();  // graphs, and weights before they were packed
  return executor;
}

Executor& Model::text_encoder(const TextEncoderShape& shape, const StopRequested& stop) {
  return executors_.get(shape, [&] { return executor(build_clip(config_.text, shape), stop); });
}

Executor& Model::denoiser(const DenoiserShape& shape, const StopRequested& stop) {
  return executors_.get(shape, [&] { return executor(build_denoiser(config_, shape), stop); });
}

Executor& Model::vae_decoder(int64_t height, int64_t width, const StopRequested& stop) {
  return executors_.get(std::pair(height, width), [&] {
    return executor(build_vae_decoder(config_.vae, 1, height, width), stop);
  });
}

}  // namespace drypoint

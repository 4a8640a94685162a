#include "diffusion/model/opening.h"

#include <utility>

#include "base/error.h"
#include "checkpoint/configurations.h"
#include "checkpoint/noise_schedule.h"
#include "diffusion/model/file_hash.h"
#include "drypoint/version.h"
#include "models/complete.h"
#include "models/detect.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

/// The options, with the plan's device and precision in the place of "auto".
DeviceOptions options_for(const PlanFile& plan, DeviceOptions options) {
  const PlanDevice& device = plan.info().device;
  const auto kind = options.device.substr(0, options.device.find(':'));
  if (kind != "auto" && kind != device.kind)
    fail(ErrorKind::bad_argument, "device: \"{}\", but the plan {} was built for {}",
         options.device, plan.name(), device.kind);
  if (options.precision != Precision::automatic && options.precision != device.precision)
    fail(ErrorKind::bad_argument, "precision: \"{}\", but the plan {} was built for {}",
         options.precision.name(), plan.name(), device.precision.name());
  if (kind == "auto") options.device = device.kind;
  options.precision = device.precision;
  return options;
}

/// What a plan can run on. Its weights and choices hold for nothing else.
void check_device(const PlanFile& plan, const PlanDevice& found) {
  const PlanDevice& wanted = plan.info().device;
  if (found.kind != wanted.kind || found.precision != wanted.precision)
    fail(ErrorKind::bad_argument, "device: {} in {}, but the plan {} was built for {} in {}",
         found.kind, found.precision.name(), plan.name(), wanted.kind, wanted.precision.name());
  if (found.hardware != wanted.hardware)
    fail(ErrorKind::unsupported,
         "{}: was built for {} ({}, {}), this device is {} ({}): build it again", plan.name(),
         wanted.kind, wanted.name, wanted.hardware, found.name, found.hardware);
  if (found.code != wanted.code)
    fail(ErrorKind::bad_file,
         "{}: its weights were packed by the code {}, this program's is {}: build it again",
         plan.name(), wanted.code, found.code);
}

}  // namespace

const std::filesystem::path& main_file(const ModelFiles& files) {
  return files.plan ? *files.plan : files.model;
}

std::string file_name(const std::filesystem::path& path) {
  const auto clean = path.has_filename() ? path : path.parent_path();
  return valid_utf8(clean.stem().string());
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

Checkpoint checkpoint_for(const ModelFiles& files, const PlanFile* plan) {
  if (!plan) return assemble(files);
  for (const Part part : {Part::unet, Part::vae, Part::text})
    if (!plan->checkpoint().has(part))
      fail(ErrorKind::bad_file, "{}: the plan has no {}", plan->name(), name_of(part));
  check_fit(plan->checkpoint());
  return plan->checkpoint();
}

std::shared_ptr<OpenDevice> device_for(const PlanFile* plan, const DeviceOptions& options,
                                       std::shared_ptr<OpenDevice> given) {
  if (!given && !plan) return std::make_shared<OpenDevice>(options);
  if (!given) {
    const DeviceOptions own = options_for(*plan, options);
    try {
      given = std::make_shared<OpenDevice>(own);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unsupported) throw;
      const PlanDevice& wanted = plan->info().device;
      fail(error.kind(), "{}: was built for {} ({}): {}", plan->name(), wanted.kind, wanted.name,
           error.what());
    }
  }
  if (!plan) return given;
  check_device(*plan, given->identity());
  const auto alone = given->making.alone();
  given->use_choices(plan);  // now, as they may be damaged
  return given;
}

Tokenizer tokenizer_for(const Checkpoint& checkpoint, const PlanFile* plan,
                        const std::string& name) {
  Tokenizer tokenizer =
      plan && plan->info().has_tokenizer
          ? Tokenizer::from_texts(plan->tokenizer().first, plan->tokenizer().second, plan->name())
      : checkpoint.tokenizer ? Tokenizer::from_folder(*checkpoint.tokenizer)
                             : Tokenizer::built_in();
  const Metadata& metadata = checkpoint.tensors.metadata;
  const auto said = metadata.find(padding_key);
  // Where no tokenizer says it, OpenCLIP's encoder is known by its activation.
  const bool openclip = said != metadata.end()
                            ? said->second == "!"
                            : detect_clip(checkpoint.tensors).activation == ActivationKind::gelu;
  if (openclip) tokenizer.pad_with_exclamation_mark();
  tokenizer.add_words(added_tokens(metadata, name));
  return tokenizer;
}

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

void check_proportions(const Checkpoint& checkpoint, const ModelConfig& config) {
  const auto& sources = checkpoint.sources;
  const VaeConfig& vae = config.vae;
  if (vae.image_channels != 3 || vae.channels.size() != 4)
    fail(ErrorKind::unsupported,
         "{}: the VAE has {} levels and pictures of {} channels, expected 4 and 3",
         sources.at(Part::vae), vae.channels.size(), vae.image_channels);
  for (size_t i = 0; i < config.controls.size(); ++i) {
    const auto* net = std::get_if<ControlnetConfig>(&config.controls[i]);
    if (!net) continue;
    if (const auto& channels = net->hint_channels; channels.front() != 3 || channels.size() != 9)
      fail(ErrorKind::unsupported,
           "{}: the ControlNet has {} convolutions for a hint of {} channels, expected 8 and 3",
           checkpoint.controlnets[i].source, channels.size() - 1, channels.front());
  }
  if (config.text.positions != kTokenCount)
    fail(ErrorKind::unsupported, "{}: the text encoder has {} positions, expected {}",
         sources.at(Part::text), config.text.positions, kTokenCount);
}

ModelDescription describe(const ModelFiles& files, const PlanFile* plan,
                          const Checkpoint& checkpoint, const Backend& backend) {
  ModelDescription description{
      .model = file_name(main_file(files)), .device = backend.name(), .threads = backend.threads()};
  if (plan) {
    description.model = plan->info().model;
    description.controls = plan->info().controls;
    description.control_hashes = plan->info().control_hashes;
  } else {
    const std::vector<NamedControl> controls = named_controls(files);
    for (size_t i = 0; i < checkpoint.controlnets.size(); ++i)
      description.controls.push_back(
          {checkpoint.controlnets[i].name,
           file_name(i < controls.size() ? controls[i].file : files.model)});
    for (const NamedControl& control : controls)
      description.control_hashes.push_back(short_file_hash(control.file));
  }
  description.control_hashes.resize(description.controls.size());
  if (!description.controls.empty()) description.control = description.controls[0].file.string();
  return description;
}

}  // namespace drypoint

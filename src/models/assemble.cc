#include "models/assemble.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <type_traits>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/canonical.h"
#include "checkpoint/configurations.h"
#include "checkpoint/diffusers_folder.h"
#include "checkpoint/formats.h"
#include "checkpoint/prediction.h"
#include "checkpoint/quantizers.h"
#include "models/check_sizes.h"
#include "models/clip.h"
#include "models/complete.h"
#include "models/control_lora.h"
#include "models/controlnet.h"
#include "models/detect.h"
#include "models/family.h"
#include "models/synth.h"
#include "models/unet.h"
#include "models/vae.h"

namespace drypoint {
namespace {

void note_parts(Checkpoint& checkpoint, const std::string& source) {
  for (const auto& [part, prefix, _] : part_names)
    if (checkpoint.tensors.has_prefix(prefix)) checkpoint.sources.try_emplace(part, source);
}

// Moves everything over; what is there already stays.
void merge(NamedTensors& to, NamedTensors from) {
  to.tensors.merge(from.tensors);
  to.metadata.merge(from.metadata);
  to.unusable.merge(from.unusable);
  to.foreign.merge(from.foreign);
  to.files.insert(to.files.end(), from.files.begin(), from.files.end());
}

// A text encoder whose vocabulary is not CLIP's brings its tokenizer in a folder beside the file.
std::optional<std::filesystem::path> tokenizer_beside(const std::filesystem::path& file,
                                                      const NamedTensors& tensors) {
  constexpr int64_t clip_vocabulary = 49408;
  const Tensor* table =
      tensors.find("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight");
  const auto folder = file.parent_path() / "tokenizer";
  std::error_code ignored;
  if (!table || table->shape().empty() || table->shape()[0] == clip_vocabulary ||
      !std::filesystem::is_directory(folder, ignored))
    return std::nullopt;
  return folder;
}

Checkpoint load_folder(const std::filesystem::path& path) {
  DiffusersFolder folder = read_diffusers_folder(path);
  Checkpoint result;
  result.layout = "diffusers folder";
  result.tokenizer = folder.tokenizer;
  result.tensors.metadata.merge(folder.metadata);  // outranks what the weights' files say
  for (auto& component : folder.components) {
    merge(result.tensors, canonical(std::move(component.tensors), component.path.string()));
    note_parts(result, component.path.string());
  }
  return result;
}

// "random:sd15": weights that no file holds, for measurements.
constexpr std::string_view random_prefix = "random:";

Checkpoint make_random(const std::string& path) {
  const std::string arch = path.substr(random_prefix.size());
  if (std::ranges::find(families(), arch, &Family::name) == families().end()) {
    std::vector<std::string> names;
    for (const Family& family : families()) names.push_back(fmt::format("random:{}", family.name));
    fail(ErrorKind::bad_argument, "model: \"{}\", expected one of {}", path,
         fmt::join(names, ", "));
  }
  Checkpoint result;
  result.layout = "random weights";
  result.tensors = synthesized({.arch = arch});
  note_parts(result, path);
  return result;
}

std::string parts_of(const Checkpoint& checkpoint) {
  std::vector<std::string_view> names;
  for (const auto& [part, _] : checkpoint.sources) names.push_back(name_of(part));
  return fmt::format("{}", fmt::join(names, ", "));
}

template <class Map>
void erase_prefix(Map& map, std::string_view prefix) {
  auto begin = map.lower_bound(prefix), end = begin;
  while (end != map.end() && end->first.starts_with(prefix)) ++end;
  map.erase(begin, end);
}

template <class Map>
void move_prefix(Map& from, Map& to, std::string_view prefix) {
  for (auto it = from.lower_bound(prefix); it != from.end() && it->first.starts_with(prefix);)
    to.insert(from.extract(it++));
}

void refuse_differences(const Checkpoint& checkpoint, const std::string& path) {
  if (holds_differences(checkpoint))
    fail(ErrorKind::unsupported,
         "{}: is a \"difference\" ControlNet, which holds changes to a base model's weights; "
         "expected a ControlNet with its own weights",
         path);
}

// Where a diffusers folder has it, and names of its configurations begin.
std::string folder_of(Part part) {
  switch (part) {
    case Part::unet: return "unet/";
    case Part::control: return "controlnet/";
    case Part::vae: return "vae/";
    case Part::text: return "text_encoder/";
  }
  return {};
}

// Of the path, which must hold such a part.
Checkpoint load_part(Part part, const std::filesystem::path& path) {
  Checkpoint other = load_checkpoint(path);
  if (!other.has(part))
    fail(ErrorKind::bad_file, "{}: holds {}, expected a {}", path.string(), parts_of(other),
         name_of(part));
  if (part == Part::control) refuse_differences(other, path.string());
  if (part == Part::control) said_prediction(other.tensors, path.string());
  return other;
}

// Moves what begins with one prefix to where it begins with another.
template <class Map>
void rename_prefix(Map& from, std::string_view prefix, Map& to, const std::string& other) {
  for (auto it = from.lower_bound(prefix); it != from.end() && it->first.starts_with(prefix);) {
    auto node = from.extract(it++);
    node.key() = other + node.key().substr(prefix.size());
    to.insert(std::move(node));
  }
}

// Moves ControlNet number `from` of a checkpoint to another's number `to`, whose own goes.
void move_controlnet(NamedTensors& other, size_t from, NamedTensors& model, size_t to) {
  const auto move = [](auto& of_other, const std::string& old, auto& of_model,
                       const std::string& prefix) {
    erase_prefix(of_model, prefix);
    rename_prefix(of_other, old, of_model, prefix);
  };
  const std::string old = control_prefix(from), prefix = control_prefix(to);
  move(other.tensors, old, model.tensors, prefix);
  move(other.unusable, old, model.unusable, prefix);
  move(other.foreign, old, model.foreign, prefix);
  move(other.metadata, control_folder(from) + "/", model.metadata, control_folder(to) + "/");
}

// Whether what a ControlNet gives is to be averaged over the picture. Files of those for shuffled
// pictures do not say it; the web UI's extension knows them by their names, too.
bool is_pooled(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  const auto config = checkpoint.tensors.metadata.find(std::string(control_config));
  if (config != checkpoint.tensors.metadata.end()) return says_pooled(config->second);
  return path.stem().string().find("shuffle") != std::string::npos;
}

// Puts the ControlNet that `path` holds in the place of the model's number i.
void put_controlnet(Checkpoint& model, size_t number, const std::filesystem::path& path) {
  Checkpoint other = load_part(Part::control, path);
  const bool pooled = is_pooled(other, path);
  check_configuration(other.tensors.metadata, adapter_config, (path / "config.json").string());
  move_controlnet(other.tensors, 0, model.tensors, number);
  auto& files = model.tensors.files;
  files.insert(files.end(), other.tensors.files.begin(), other.tensors.files.end());
  if (pooled) model.tensors.metadata[pooled_key(number)] = "true";
  model.controlnets.at(number).source = other.sources[Part::control];
  if (number == 0) model.sources[Part::control] = other.sources[Part::control];
  if (is_control_lora(model.tensors, number))
    complete_control_lora(model.tensors, number, path.string());
}

// As a checkpoint of nothing but number i.
Checkpoint controlnet_alone(const Checkpoint& model, size_t number) {
  Checkpoint alone;
  NamedTensors copy = model.tensors;
  move_controlnet(copy, number, alone.tensors, 0);
  alone.sources[Part::control] = model.controlnets.at(number).source;
  return alone;
}

// Puts the part that `path` holds in place of the model's own.
void replace_part(Checkpoint& model, Part part, const std::filesystem::path& path) {
  Checkpoint other = load_part(part, path);
  const std::string folder = folder_of(part);
  const auto prefix = prefix_of(part);
  erase_prefix(model.tensors.tensors, prefix);
  erase_prefix(model.tensors.unusable, prefix);
  erase_prefix(model.tensors.foreign, prefix);
  move_prefix(other.tensors.tensors, model.tensors.tensors, prefix);
  move_prefix(other.tensors.unusable, model.tensors.unusable, prefix);
  move_prefix(other.tensors.foreign, model.tensors.foreign, prefix);
  erase_prefix(model.tensors.metadata, folder);
  move_prefix(other.tensors.metadata, model.tensors.metadata, folder);
  auto& files = model.tensors.files;
  files.insert(files.end(), other.tensors.files.begin(), other.tensors.files.end());
  model.sources[part] = other.sources[part];
  check_configuration(other.tensors.metadata, taesd_config, (path / "config.json").string());
  if (part == Part::text) model.tokenizer = other.tokenizer;  // none: the built-in one
}

// Repeats what reading a configuration says with the file in front.
template <class Read>
auto config_in(const Checkpoint& checkpoint, Part part, Read read) {
  try {
    return read(checkpoint.tensors);
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", checkpoint.sources.at(part), error.what());
  }
}

// Tensors that may be left over in a part.
bool is_harmless(Part part, std::string_view name, int64_t text_layers) {
  const auto starts = [&](std::string_view prefix) { return name.starts_with(prefix); };
  if (name.ends_with(range_end) || name.ends_with(input_factors_end) ||
      name.ends_with(".weight_factors"))
    return true;
  if (part == Part::vae) return starts("loss.") || starts("model_ema.");
  if (part != Part::text) return false;
  constexpr std::string_view layers = "text_model.encoder.layers.";
  if (starts(layers)) {  // those after the last that the configuration wants
    int64_t layer = 0;
    const auto number = name.substr(layers.size());
    std::from_chars(number.data(), number.data() + number.size(), layer);
    return layer >= text_layers;
  }
  return starts("text_model.embeddings.position_ids") || starts("text_projection") ||
         starts("logit_scale") || starts("vision_model.") || starts("visual_projection.") ||
         starts("visual.");
}

// Everything about a part, given how its configuration is read. -> the configuration.
template <class Read>
auto checked_part(const Checkpoint& model, Part part, Read read) {
  const std::string& source = model.sources.at(part);
  const std::string place = folder_of(part) + "config.json", file = source + "/config.json";
  check_configuration(model.tensors.metadata, place, file);
  auto config = config_in(model, part, read);
  const auto needed = tensors_of(config);
  check_complete(model.tensors, needed, source);
  int64_t text_layers = INT64_MAX;
  if constexpr (std::is_same_v<decltype(config), ClipConfig>)
    if (model.tensors.metadata.contains(text_config)) text_layers = config.layers;
  check_used(model.tensors, needed, part, source, [&](std::string_view name) {
    return is_harmless(part, name, text_layers) ||
           (part == Part::control &&
            is_factor(model.tensors, std::string(prefix_of(part)).append(name)));
  });
  check_sizes(model.tensors.metadata, config, file);
  return config;
}

/// "text width 12, expected 64; ..." for all in which two trunks differ.
std::string differences(const UnetConfig& found, const UnetConfig& expected) {
  std::vector<std::string> all;
  const auto compare = [&](std::string_view what, const auto& of) {
    if (of(found) != of(expected))
      all.push_back(fmt::format("{} {}, expected {}", what, of(found), of(expected)));
  };
  const auto levels = [](const UnetConfig& config, int64_t UnetConfig::Level::*member) {
    Shape values;
    for (const UnetConfig::Level& level : config.levels) values.push_back(level.*member);
    return to_string(values);
  };
  using Config = const UnetConfig&;
  compare("text width", [](Config c) { return c.context_width; });
  compare("channels", [&](Config c) { return levels(c, &UnetConfig::Level::channels); });
  compare("residual blocks a level", [](Config c) { return c.res_blocks; });
  compare("transformer blocks", [&](Config c) { return levels(c, &UnetConfig::Level::depth); });
  compare("transformer blocks in the middle", [](Config c) { return c.middle.depth; });
  compare("channels in", [](Config c) { return c.in_channels; });
  compare("first channels", [](Config c) { return c.model_channels; });
  compare("time embedding", [](Config c) { return c.time_width; });
  return fmt::format("{}", fmt::join(all, "; "));
}

/// A checkpoint's ControlNet or T2I-Adapter, and whether it is one for such a UNet, which came from
/// `base`.
void check_control(const Checkpoint& model, const UnetConfig& unet, int64_t latent_channels,
                   const std::string& base) {
  const ControlConfig config = checked_part(model, Part::control, detect_control);
  const std::string& source = model.sources.at(Part::control);
  if (const auto* adapter = std::get_if<T2iAdapterConfig>(&config)) {
    std::vector<int64_t> channels;
    for (const UnetConfig::Level& level : unet.levels) channels.push_back(level.channels);
    if (adapter->channels != channels)
      fail(ErrorKind::unsupported,
           "{}: the T2I-Adapter was made for another base model than {}: channels {}, expected {}",
           source, base, to_string(adapter->channels), to_string(channels));
    return;
  }
  const auto& control = std::get<ControlnetConfig>(config);
  UnetConfig trunk = unet;
  trunk.out_channels = 0;
  trunk.in_channels = latent_channels;  // of an inpainting UNet the first few
  trunk.guidance_width = 0;             // which it is not told
  // Heads and groups need not be the UNet's, nor the form of its projections.
  trunk.groups = control.trunk.groups;
  trunk.linear_projections = control.trunk.linear_projections;
  trunk.middle.heads = control.trunk.middle.heads;
  for (size_t i = 0; i < std::min(trunk.levels.size(), control.trunk.levels.size()); ++i)
    trunk.levels[i].heads = control.trunk.levels[i].heads;
  if (control.trunk != trunk)
    fail(ErrorKind::unsupported, "{}: the ControlNet was made for another base model than {}: {}",
         source, base, differences(control.trunk, trunk));
}

}  // namespace

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at cannot be opened either, which says why
  if (path.string().starts_with(random_prefix) && !std::filesystem::exists(path, ignored))
    return make_random(path.string());
  Checkpoint result;
  if (std::filesystem::is_directory(path, ignored)) {
    result = load_folder(path);
  } else {
    TensorFile file = read_tensor_file(path);
    result.layout = std::move(file.format);
    if (file.tensors.metadata.contains("drypoint.plan"))
      fail(ErrorKind::bad_file, "{}: is a plan, expected a checkpoint", path.string());
    result.tensors = canonical(std::move(file.tensors), path.string());
    note_parts(result, path.string());
    result.tokenizer = tokenizer_beside(path, result.tensors);
  }
  if (result.sources.empty()) {
    const auto& tensors = result.tensors.tensors;
    if (tensors.empty()) fail(ErrorKind::bad_file, "{}: holds no tensors", path.string());
    fail(ErrorKind::bad_file,
         "{}: holds no UNet, ControlNet, VAE or text encoder (of {} tensors, the first is {})",
         path.string(), tensors.size(), printable(tensors.begin()->first));
  }
  return result;
}

bool holds_differences(const Checkpoint& checkpoint) {
  return checkpoint.tensors.has("difference") || checkpoint.tensors.has("control_model.difference");
}

std::vector<NamedControl> named_controls(const ModelFiles& files) {
  std::vector<NamedControl> all;
  if (files.control) all.push_back({usual_control_name, *files.control});
  all.insert(all.end(), files.controls.begin(), files.controls.end());
  const auto is_good = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string& name = all[i].name;
    if (name.empty() || name.size() > 64 || !std::ranges::all_of(name, is_good))
      fail(ErrorKind::bad_argument,
           "control: \"{}\" for {}, expected a name of letters, digits, _, - and .",
           printable(name), all[i].file.string());
    for (size_t j = 0; j < i; ++j)
      if (all[j].name == name)
        fail(ErrorKind::bad_argument, "control: {} and {} are both named \"{}\"",
             all[j].file.string(), all[i].file.string(), name);
  }
  return all;
}

Checkpoint assemble(const ModelFiles& files) {
  Checkpoint model = load_checkpoint(files.model);
  const std::string own_parts = parts_of(model), path = files.model.string();
  said_prediction(model.tensors, path);
  const std::vector<NamedControl> controls = named_controls(files);
  if (controls.empty() && model.has(Part::control)) {
    refuse_differences(model, files.model.string());
    model.controlnets = {{usual_control_name, model.sources.at(Part::control)}};
    if (is_pooled(model, {})) model.tensors.metadata[pooled_key(0)] = "true";
  }
  for (const auto& [name, file] : controls) {
    model.controlnets.push_back({name, {}});
    put_controlnet(model, model.controlnets.size() - 1, file);
  }
  if (files.vae) replace_part(model, Part::vae, *files.vae);
  if (files.text_encoder) replace_part(model, Part::text, *files.text_encoder);
  for (const Part part : {Part::unet, Part::vae, Part::text})
    if (!model.has(part))
      fail(ErrorKind::bad_file, "{}: holds {}, expected a base model; it has no {}", path,
           own_parts, name_of(part));
  check_configuration(model.tensors.metadata, pipeline_config, path + "/model_index.json");
  check_configuration(model.tensors.metadata, scheduler_config,
                      (files.model / scheduler_config).string());
  if (!files.text_encoder || model.tokenizer) {
    const auto tokenizer = model.tokenizer.value_or(files.model / "tokenizer");
    check_tokenizer_folder(tokenizer);
    keep_added_tokens(model.tensors.metadata, added_tokens(tokenizer));
    if (auto padding = padding_token(tokenizer))
      model.tensors.metadata.insert_or_assign(std::string(padding_key), std::move(*padding));
  }
  check_fit(model);
  return model;
}

void check_fit(const Checkpoint& model) {
  const auto& sources = model.sources;
  const UnetConfig unet = checked_part(model, Part::unet, detect_unet);
  const VaeConfig vae = checked_part(model, Part::vae, detect_vae);
  const ClipConfig text = checked_part(model, Part::text, detect_clip);
  if (unet.in_channels != vae.latent_channels && !is_inpainting(unet))
    fail(ErrorKind::unsupported,
         "{}: the UNet takes {} channels, expected the VAE's {}, or {} for inpainting",
         sources.at(Part::unet), unet.in_channels, vae.latent_channels,
         2 * vae.latent_channels + 1);
  if (unet.out_channels != vae.latent_channels)
    fail(ErrorKind::unsupported, "{}: the UNet gives {} channels, expected the VAE's {}",
         sources.at(Part::unet), unet.out_channels, vae.latent_channels);
  if (unet.context_width != text.width)
    fail(ErrorKind::bad_file, "{}: the text encoder is {} wide, but the UNet in {} expects {}",
         sources.at(Part::text), text.width, sources.at(Part::unet), unet.context_width);
  for (size_t number = 0; number < model.controlnets.size(); ++number) {
    const Checkpoint alone = number > 0 ? controlnet_alone(model, number) : Checkpoint();
    check_control(number > 0 ? alone : model, unet, vae.latent_channels, sources.at(Part::unet));
  }
}
void check_part(const Checkpoint& model, Part part) {
  switch (part) {
    case Part::unet: checked_part(model, part, detect_unet); break;
    case Part::control: checked_part(model, part, detect_control); break;
    case Part::vae: checked_part(model, part, detect_vae); break;
    case Part::text: checked_part(model, part, detect_clip); break;
  }
}

void replace_control(Checkpoint& model, size_t number, const std::filesystem::path& path) {
  Checkpoint next = model;
  put_controlnet(next, number, path);
  check_fit(next);
  const auto config = detect_control_number(model.tensors, number);
  check_complete(next.tensors, tensors_of(config, number), next.controlnets[number].source);
  // Files that nothing is read from any more.
  std::erase_if(next.tensors.files, [&](const auto& file) {
    return std::ranges::none_of(next.tensors.tensors,
                                [&](const auto& named) { return contains(*file, named.second); });
  });
  model = std::move(next);
}

}  // namespace drypoint

#include "checkpoint/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/canonical.h"
#include "checkpoint/diffusers_folder.h"
#include "checkpoint/formats.h"
#include "checkpoint/sizes.h"
#include "checkpoint/synth.h"

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
  for (auto& component : folder.components) {
    merge(result.tensors, canonical(std::move(component.tensors), component.path.string()));
    note_parts(result, component.path.string());
  }
  result.tensors.metadata.merge(folder.metadata);
  return result;
}

// "random:sd15": weights that no file holds, for measurements.
constexpr std::string_view random_prefix = "random:";

Checkpoint make_random(const std::string& path) {
  const std::string arch = path.substr(random_prefix.size());
  if (arch != "sd15" && arch != "tiny")
    fail(ErrorKind::bad_argument, "model: \"{}\", expected random:sd15 or random:tiny", path);
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

// Puts the part that `path` holds in place of the model's own.
void replace_part(Checkpoint& model, Part part, std::string_view folder,
                  const std::filesystem::path& path) {
  Checkpoint other = load_checkpoint(path);
  if (!other.has(part))
    fail(ErrorKind::bad_file, "{}: holds {}, expected a {}", path.string(), parts_of(other),
         name_of(part));
  if (part == Part::control) refuse_differences(other, path.string());
  const auto prefix = prefix_of(part);
  erase_prefix(model.tensors.tensors, prefix);
  erase_prefix(model.tensors.unusable, prefix);
  move_prefix(other.tensors.tensors, model.tensors.tensors, prefix);
  move_prefix(other.tensors.unusable, model.tensors.unusable, prefix);
  erase_prefix(model.tensors.metadata, folder);
  move_prefix(other.tensors.metadata, model.tensors.metadata, folder);
  auto& files = model.tensors.files;
  files.insert(files.end(), other.tensors.files.begin(), other.tensors.files.end());
  model.sources[part] = other.sources[part];
  if (part == Part::text) model.tokenizer = other.tokenizer;  // none: the built-in one
}

// Repeats what reading sizes says with the file in front.
template <class Read>
auto sizes_in(const Checkpoint& checkpoint, Part part, Read read) {
  try {
    return read(checkpoint.tensors);
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", checkpoint.sources.at(part), error.what());
  }
}

void check_prediction(const Checkpoint& model, const std::string& path) {
  const auto found = model.tensors.metadata.find("scheduler/scheduler_config.json");
  if (found == model.tensors.metadata.end()) return;
  const auto config = parse_json(found->second);
  const auto type = config.is_object() ? config.value("prediction_type", nlohmann::json("epsilon"))
                                       : nlohmann::json("epsilon");
  if (type != "epsilon")
    fail(ErrorKind::unsupported, "{}: its scheduler's prediction_type is {}, expected \"epsilon\"",
         path, printable(type.dump()));
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
    fail(ErrorKind::bad_file,
         "{}: holds no UNet, ControlNet, VAE or text encoder (of {} tensors, the first is {})",
         path.string(), tensors.size(), tensors.empty() ? "-" : printable(tensors.begin()->first));
  }
  return result;
}

bool holds_differences(const Checkpoint& checkpoint) {
  return checkpoint.tensors.has("difference") || checkpoint.tensors.has("control_model.difference");
}

Checkpoint assemble(const ModelFiles& files) {
  Checkpoint model = load_checkpoint(files.model);
  if (!files.control && model.has(Part::control)) refuse_differences(model, files.model.string());
  if (files.control) replace_part(model, Part::control, "controlnet/", *files.control);
  if (files.vae) replace_part(model, Part::vae, "vae/", *files.vae);
  if (files.text_encoder) replace_part(model, Part::text, "text_encoder/", *files.text_encoder);
  for (const Part part : {Part::unet, Part::vae, Part::text})
    if (!model.has(part))
      fail(ErrorKind::bad_file, "{}: holds {}, expected a base model; it has no {}",
           files.model.string(), parts_of(model), name_of(part));
  check_prediction(model, files.model.string());
  check_fit(model);
  return model;
}

void check_fit(const Checkpoint& model) {
  const auto& sources = model.sources;
  const auto unet = sizes_in(model, Part::unet, read_unet_sizes);
  const auto vae = sizes_in(model, Part::vae, read_vae_sizes);
  const auto text = sizes_in(model, Part::text, read_clip_sizes);
  check_complete(model.tensors, tensors_of(unet), sources.at(Part::unet));
  check_complete(model.tensors, tensors_of(vae), sources.at(Part::vae));
  check_complete(model.tensors, tensors_of(text), sources.at(Part::text));
  if (unet.in_channels != vae.latent_channels)
    fail(ErrorKind::unsupported, "{}: the UNet takes {} channels, expected the VAE's {}{}",
         sources.at(Part::unet), unet.in_channels, vae.latent_channels,
         unet.in_channels == 2 * vae.latent_channels + 1
             ? "; it is an inpainting model, which is not supported yet"
             : "");
  if (unet.out_channels != unet.in_channels)
    fail(ErrorKind::unsupported, "{}: the UNet gives {} channels, expected {}",
         sources.at(Part::unet), unet.out_channels, unet.in_channels);
  if (unet.context_width != text.width)
    fail(ErrorKind::bad_file, "{}: the text encoder is {} wide, but the UNet in {} expects {}",
         sources.at(Part::text), text.width, sources.at(Part::unet), unet.context_width);
  if (!model.has(Part::control)) return;

  const auto control = sizes_in(model, Part::control, read_controlnet_sizes);
  check_complete(model.tensors, tensors_of(control), sources.at(Part::control));
  UnetSizes trunk = unet;
  trunk.out_channels = 0;
  // What only configurations say, and the ControlNet's file may lack: the UNet's counts.
  trunk.heads = control.trunk.heads;
  trunk.groups = control.trunk.groups;
  if (control.trunk != trunk)
    fail(ErrorKind::bad_file,
         "{}: the ControlNet was made for another base model than {}: text width {}, expected {}; "
         "channels {}, expected {}",
         sources.at(Part::control), sources.at(Part::unet), control.trunk.context_width,
         trunk.context_width, to_string(control.trunk.channels), to_string(trunk.channels));
}

void replace_control(Checkpoint& model, const std::filesystem::path& path) {
  Checkpoint next = model;
  replace_part(next, Part::control, "controlnet/", path);
  const auto sizes = sizes_in(model, Part::control, read_controlnet_sizes);
  check_complete(next.tensors, tensors_of(sizes), next.sources.at(Part::control));
  check_fit(next);
  // Files that nothing is read from any more.
  std::erase_if(next.tensors.files, [&](const auto& file) {
    return std::ranges::none_of(next.tensors.tensors,
                                [&](const auto& named) { return contains(*file, named.second); });
  });
  model = std::move(next);
}

}  // namespace drypoint

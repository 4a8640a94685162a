#include "checkpoint/diffusers_folder.h"

#include <fmt/ranges.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t largest_json = 16 << 20;

// A path that cannot be looked at counts as one that is not there.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}
bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// What a component's weights may be called, the preferred first.
std::vector<std::string> weight_names() {
  std::vector<std::string> names;
  for (const std::string extension : {".safetensors", ".bin"})
    for (const std::string variant : {"", ".fp16"})
      for (const std::string stem : {"diffusion_pytorch_model", "model", "pytorch_model"}) {
        names.push_back(stem + variant + extension);
        names.push_back(stem + variant + extension + ".index.json");
        if (!variant.empty()) names.push_back(stem + extension + ".index" + variant + ".json");
      }
  return names;
}

std::optional<fs::path> weights_in(const fs::path& folder) {
  static const std::vector<std::string> names = weight_names();
  for (const auto& name : names)
    if (is_file(folder / name)) return folder / name;
  return {};
}

// "; it holds a, b and 3 more", for messages.
std::string contents_of(const fs::path& folder) {
  constexpr size_t most = 8;
  std::set<std::string> names;
  std::error_code error;
  size_t count = 0;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const bool inner = is_folder(it->path());
    names.insert(printable(it->path().filename().string()) + (inner ? "/" : ""));
    ++count;
    if (names.size() > most) names.erase(std::prev(names.end()));
  }
  if (names.empty()) return "; it is empty";
  return fmt::format("; it holds {}{}", fmt::join(names, ", "),
                     count > names.size() ? fmt::format(" and {} more", count - names.size()) : "");
}

// A shard must lie in the folder itself: its name comes from a file.
void check_plain(const std::string& shard, const fs::path& index) {
  if (shard.empty() || shard == "." || shard == ".." || shard.size() > 255 ||
      shard.find_first_of(std::string_view("/\\\0", 3)) != shard.npos)
    fail(ErrorKind::bad_file, "{}: shard '{}' is not a plain file name", index.string(),
         printable(shard));
}

NamedTensors read_shards(const fs::path& index) {
  const json parsed = parse_json(read_file(index, largest_json));
  const auto map = parsed.is_object() ? parsed.find("weight_map") : parsed.end();
  if (!parsed.is_object() || map == parsed.end() || !map->is_object())
    fail(ErrorKind::bad_file, "{}: has no weight_map", index.string());
  std::map<std::string, NamedTensors> shards;
  NamedTensors result;
  for (const auto& [name, value] : map->items()) {
    if (!value.is_string())
      fail(ErrorKind::bad_file, "{}: the shard of tensor {} is not a string", index.string(),
           printable(name));
    const auto& shard = value.get_ref<const std::string&>();
    check_plain(shard, index);
    auto found = shards.find(shard);
    if (found == shards.end()) {
      found = shards.emplace(shard, read_tensor_file_as_it_is(index.parent_path() / shard).tensors)
                  .first;
      result.files.insert(result.files.end(), found->second.files.begin(),
                          found->second.files.end());
      result.unusable.merge(found->second.unusable);
      result.metadata.merge(found->second.metadata);
    }
    const Tensor* tensor = found->second.find(name);
    const auto foreign = found->second.foreign.find(name);
    if (tensor)
      result.tensors.emplace(name, *tensor);
    else if (foreign != found->second.foreign.end())
      result.foreign.insert(*foreign);
    else if (!result.unusable.contains(name))
      fail(ErrorKind::bad_file, "{}: tensor {} is not in shard {}", index.string(), printable(name),
           printable(shard));
  }
  settle_eight_bits(result, index.string());
  return result;
}

NamedTensors read_weights(const fs::path& path) {
  return path.extension() == ".json" ? read_shards(path) : read_tensor_file(path).tensors;
}

void read_json(DiffusersFolder& result, const fs::path& folder, const std::string& name,
               const std::string& as) {
  if (!is_file(folder / name)) return;
  std::string text = read_file(folder / name, largest_json);
  if (parse_json(text).is_discarded())
    fail(ErrorKind::bad_file, "{}: is not JSON", (folder / name).string());
  result.metadata[as] = std::move(text);
}

// The subfolder's name that a single part's own folder would have in a whole model; nothing where
// no configuration says which part it is.
std::string folder_name(const fs::path& folder) {
  DiffusersFolder config;
  read_json(config, folder, "config.json", "config");
  if (!config.metadata.contains("config")) return {};
  const json parsed = parse_json(config.metadata["config"]);
  const std::string file = (folder / "config.json").string();
  if (!parsed.is_object()) fail(ErrorKind::bad_file, "{}: is no JSON object", file);
  json type = parsed.value("_class_name", json());
  if (type.is_null()) type = parsed.value("architectures", json());
  if (type.is_array() && type.size() == 1) type = json(type[0]);
  if (type.is_null()) return {};
  if (type == "UNet2DConditionModel") return "unet";
  if (type == "ControlNetModel") return "controlnet";
  if (type == "T2IAdapter") return "t2iadapter";
  if (type == "AutoencoderKL") return "vae";
  if (type == "AutoencoderTiny") return "taesd";
  if (type == "CLIPTextModel" || type == "CLIPModel") return "text_encoder";
  fail(ErrorKind::unsupported,
       "{}: is for {}, expected UNet2DConditionModel, ControlNetModel, T2IAdapter, AutoencoderKL, "
       "AutoencoderTiny or CLIPTextModel",
       file, printable(type.dump(-1, ' ', false, json::error_handler_t::replace)));
}

// A whole CLIP has its text encoder's configuration inside its own.
void take_text_config(Metadata& metadata) {
  const auto found = metadata.find("text_encoder/config.json");
  if (found == metadata.end()) return;
  const json config = parse_json(found->second);
  if (config.is_object() && config.contains("text_config") && config["text_config"].is_object())
    found->second = config["text_config"].dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

DiffusersFolder read_diffusers_folder(const fs::path& folder) {
  for (const auto& [other, family] :
       {std::pair("text_encoder_2", "an SDXL, Stable Diffusion 3 or FLUX model"),
        std::pair("transformer", "a Stable Diffusion 3 or FLUX model")})
    if (is_folder(folder / other))
      fail(ErrorKind::unsupported, "{}: is {} (it has a {} folder), which is not supported yet",
           folder.string(), family, other);

  DiffusersFolder result;
  bool parted = false;
  for (const std::string part : {"unet", "vae", "text_encoder", "controlnet"}) {
    if (!is_folder(folder / part)) continue;
    parted = true;
    const auto weights = weights_in(folder / part);
    if (!weights)
      fail(ErrorKind::bad_file,
           "{}: has no weights (expected a file such as diffusion_pytorch_model.safetensors){}",
           (folder / part).string(), contents_of(folder / part));
    result.components.push_back({folder / part, read_weights(*weights)});
    read_json(result, folder / part, "config.json", part + "/config.json");
  }
  if (!parted) {
    const auto weights = weights_in(folder);
    if (!weights)
      fail(ErrorKind::bad_file,
           "{}: is not a diffusers folder (expected unet, vae, text_encoder or controlnet inside, "
           "or weights such as diffusion_pytorch_model.safetensors){}",
           folder.string(), contents_of(folder));
    result.components.push_back({folder, read_weights(*weights)});
    if (const std::string name = folder_name(folder); !name.empty())
      read_json(result, folder, "config.json", name + "/config.json");
  }
  take_text_config(result.metadata);
  read_json(result, folder, "model_index.json", "model_index.json");
  read_json(result, folder / "scheduler", "scheduler_config.json",
            "scheduler/scheduler_config.json");
  const fs::path tokenizer = folder / "tokenizer";
  if ((is_file(tokenizer / "vocab.json") && is_file(tokenizer / "merges.txt")) ||
      is_file(tokenizer / "tokenizer.json"))
    result.tokenizer = tokenizer;
  return result;
}

}  // namespace drypoint

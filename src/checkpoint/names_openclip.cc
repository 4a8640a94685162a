// https://github.com/mlfoundations/open_clip src/open_clip/transformer.py and
// https://github.com/Stability-AI/stablediffusion ldm/modules/encoders/modules.py
#include "checkpoint/names_openclip.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/configurations.h"
#include "checkpoint/parts.h"

namespace drypoint {
namespace {

constexpr std::string_view layers_prefix = "transformer.resblocks.";

struct OpenclipName {
  std::string_view from, to;
};
constexpr OpenclipName outside_layers[] = {
    {"token_embedding.", "text_model.embeddings.token_embedding."},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"ln_final.", "text_model.final_layer_norm."}};
constexpr OpenclipName in_layers[] = {{"ln_1.", "layer_norm1."},
                                      {"ln_2.", "layer_norm2."},
                                      {"mlp.c_fc.", "mlp.fc1."},
                                      {"mlp.c_proj.", "mlp.fc2."},
                                      {"attn.out_proj.", "self_attn.out_proj."}};

struct Layer {
  int number = 0;
  std::string_view rest;  // "ln_1.weight"
};

std::optional<Layer> layer_of(std::string_view name) {
  if (!name.starts_with(layers_prefix)) return {};
  name.remove_prefix(layers_prefix.size());
  Layer layer;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer.number);
  const auto length = static_cast<size_t>(end - name.data());
  if (error != std::errc() || layer.number < 0 || layer.number > 999 || length >= name.size() ||
      name[length] != '.')
    return {};
  layer.rest = name.substr(length + 1);
  return layer;
}

/// The canonical names of what lies behind one: three of packed projections, none of what is left
/// out.
std::vector<std::string> canonical_names(std::string_view name, int layers) {
  const std::string prefix(prefix_of(Part::text));
  const auto layer = layer_of(name);
  if (!layer) {
    for (const auto& [from, to] : outside_layers)
      if (name.starts_with(from))
        return {fmt::format("{}{}{}", prefix, to, name.substr(from.size()))};
    return {prefix + std::string(name)};
  }
  if (layer->number >= layers) return {};
  const std::string place = fmt::format("{}text_model.encoder.layers.{}.", prefix, layer->number);
  constexpr std::string_view packed = "attn.in_proj_";  // weight or bias
  if (layer->rest.starts_with(packed)) {
    std::vector<std::string> names;
    for (const char which : {'q', 'k', 'v'})
      names.push_back(
          fmt::format("{}self_attn.{}_proj.{}", place, which, layer->rest.substr(packed.size())));
    return names;
  }
  for (const auto& [from, to] : in_layers)
    if (layer->rest.starts_with(from))
      return {fmt::format("{}{}{}", place, to, layer->rest.substr(from.size()))};
  return {place + std::string(layer->rest)};
}

/// `count` of the outermost dimension's, from `first` on: the same bytes.
Tensor rows_of(const Tensor& tensor, int64_t first, int64_t count) {
  TensorType before = tensor.type(), type = tensor.type();
  before.shape[0] = first;
  type.shape[0] = count;
  const auto whole = std::make_shared<const Tensor>(tensor);
  return {type, whole->bytes().data() + before.bytes(), whole};
}

/// The prefix of an encoder's names, if there is one.
std::optional<std::string_view> find_encoder(const NamedTensors& given) {
  if (given.has_prefix(openclip_prefix)) return openclip_prefix;
  if (given.has_prefix(layers_prefix) && given.has_prefix("ln_final.")) return "";
  return {};
}

}  // namespace

NamedTensors without_openclip_names(NamedTensors given, const std::string& file) {
  const auto prefix = find_encoder(given);
  if (!prefix) return given;
  // A file of its own holds the image's encoder too.
  const auto is_own = [&](std::string_view name) {
    if (!prefix->empty()) return name.starts_with(*prefix);
    return name.starts_with(layers_prefix) ||
           std::ranges::any_of(outside_layers,
                               [&](const OpenclipName& own) { return name.starts_with(own.from); });
  };

  constexpr int layers_that_run = 23;
  int layers = 0;
  const auto count = [&](const auto& named) {
    for (const auto& [name, _] : named)
      if (is_own(name))
        if (const auto layer = layer_of(std::string_view(name).substr(prefix->size())))
          layers = std::max(layers, layer->number + 1);
  };
  count(given.tensors);
  count(given.foreign);
  if (layers != layers_that_run) --layers;

  NamedTensors result;
  result.metadata = std::move(given.metadata);
  result.metadata.try_emplace(std::string(text_config), R"({"hidden_act": "gelu"})");
  result.files = std::move(given.files);
  const auto add = [&](auto& to, const std::string& original, std::string name, auto value) {
    if (!to.emplace(std::move(name), std::move(value)).second)
      fail(ErrorKind::bad_file, "{}: tensor {} is there twice under two names", file,
           printable(original));
  };
  for (auto& [name, tensor] : given.tensors) {
    if (!is_own(name)) {
      add(result.tensors, name, name, std::move(tensor));
      continue;
    }
    const auto names = canonical_names(std::string_view(name).substr(prefix->size()), layers);
    const auto parts = static_cast<int64_t>(names.size());
    if (parts > 1 && (tensor.shape().empty() || tensor.shape()[0] % parts != 0))
      fail(ErrorKind::bad_file, "{}: tensor {}: found {}, expected {} projections of a size", file,
           printable(name), to_string(tensor.type()), parts);
    for (int64_t i = 0; i < parts; ++i) {
      const int64_t rows = parts > 1 ? tensor.shape()[0] / parts : 0;
      add(result.tensors, name, names[static_cast<size_t>(i)],
          parts > 1 ? rows_of(tensor, i * rows, rows) : tensor);
    }
  }
  const auto rename = [&](auto& from, auto& to) {
    for (auto& [name, what] : from) {
      if (!is_own(name)) {
        to.emplace(name, what);
        continue;
      }
      for (std::string& own :
           canonical_names(std::string_view(name).substr(prefix->size()), layers))
        to.emplace(std::move(own), what);
    }
  };
  rename(given.foreign, result.foreign);
  rename(given.unusable, result.unusable);
  return result;
}

}  // namespace drypoint

#include "models/control_lora.h"

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/parts.h"

namespace drypoint {
namespace {

constexpr std::string_view mark = "lora_controlnet", up_end = ".up", down_end = ".down";

std::string weight_of(std::string_view factor, std::string_view end) {
  return std::string(factor.substr(0, factor.size() - end.size())) + ".weight";
}

int64_t columns(const Shape& shape) {
  return shape.empty() || shape[0] == 0 ? 0 : element_count(shape) / shape[0];
}

/// The parts of a UNet that a ControlNet has too.
bool is_of_trunk(std::string_view relative) {
  return relative.starts_with("input_blocks.") || relative.starts_with("middle_block.") ||
         (relative.starts_with("time_embed.") && !relative.starts_with("time_embed.cond_proj"));
}

void check_product(const NamedTensors& tensors, const std::string& weight, const std::string& up,
                   const std::string& down, const std::string& file) {
  for (const std::string& name : {weight, up, down})
    if (!tensors.has(name))
      fail(ErrorKind::bad_file, "{}: is a Control-LoRA with {}, but {} is missing", file,
           printable(name == up ? down : up), printable(name));
  const Shape &of_weight = tensors.at(weight).shape(), &of_up = tensors.at(up).shape(),
              &of_down = tensors.at(down).shape();
  if (of_weight.empty() || of_up.size() < 2 || of_down.size() < 2 || of_up[0] != of_weight[0] ||
      columns(of_up) != of_down[0] || columns(of_down) != columns(of_weight))
    fail(ErrorKind::bad_file,
         "{}: its {} {} times {} {} does not fit the UNet's {}: it is for another base model", file,
         printable(up), to_string(of_up), down_end.substr(1), to_string(of_down),
         to_string(of_weight));
}

}  // namespace

bool is_control_lora(const NamedTensors& tensors, size_t number) {
  return tensors.has(control_prefix(number) + std::string(mark));
}

void complete_control_lora(NamedTensors& tensors, size_t number, const std::string& file) {
  const std::string prefix = control_prefix(number);
  const std::string_view unet = prefix_of(Part::unet);
  tensors.tensors.erase(prefix + std::string(mark));
  std::vector<std::pair<std::string, Tensor>> shared;
  for (auto it = tensors.tensors.lower_bound(unet);
       it != tensors.tensors.end() && it->first.starts_with(unet); ++it)
    if (const auto relative = std::string_view(it->first).substr(unet.size());
        is_of_trunk(relative))
      shared.emplace_back(prefix + std::string(relative), it->second);
  for (auto& [name, tensor] : shared) tensors.tensors.emplace(name, std::move(tensor));
  for (auto it = tensors.tensors.lower_bound(prefix);
       it != tensors.tensors.end() && it->first.starts_with(prefix); ++it) {
    const std::string& name = it->first;
    const auto with = [&](std::string_view from, std::string_view to) {
      return name.substr(0, name.size() - from.size()).append(to);
    };
    if (name.ends_with(up_end))
      check_product(tensors, weight_of(name, up_end), name, with(up_end, down_end), file);
    if (name.ends_with(down_end))
      check_product(tensors, weight_of(name, down_end), with(down_end, up_end), name, file);
  }
}

bool is_factor(const NamedTensors& tensors, std::string_view name) {
  const std::string_view end = name.ends_with(up_end) ? up_end : down_end;
  return name.ends_with(end) && tensors.has(weight_of(name, end));
}

std::vector<ControlLoraProduct> control_lora_products(const NamedTensors& tensors) {
  std::vector<ControlLoraProduct> all;
  for (size_t number = 0; tensors.has_prefix(control_prefix(number)); ++number) {
    const std::string prefix = control_prefix(number);
    for (auto it = tensors.tensors.lower_bound(prefix);
         it != tensors.tensors.end() && it->first.starts_with(prefix); ++it) {
      if (!it->first.ends_with(up_end) || !is_factor(tensors, it->first)) continue;
      const std::string weight = weight_of(it->first, up_end);
      const std::string down =
          it->first.substr(0, it->first.size() - up_end.size()) + std::string(down_end);
      if (const Tensor* other = tensors.find(down)) all.push_back({weight, it->second, *other});
    }
  }
  return all;
}

}  // namespace drypoint

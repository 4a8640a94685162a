#include "diffusion/model/calibration.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"
#include "checkpoint/quantizers.h"
#include "drypoint/nearest.h"
#include "tensor/precision.h"

namespace drypoint {
namespace {

static_assert(input_factors == input_factors_end);
constexpr const char* quantization_key = "drypoint.quantization";

void expect_range(float range, std::string_view module, const std::string& file) {
  if (!std::isfinite(range) || range < 0)
    fail(ErrorKind::bad_file, "{}: the range of {} is {}, expected a number from 0", file,
         printable(module), range);
}

/// What a calibration file says of itself.
nlohmann::json how_it_was_made(const NamedTensors& tensors, const std::string& file) {
  const auto description = tensors.metadata.find(calibration_key);
  if (description == tensors.metadata.end())
    fail(ErrorKind::bad_file, "{}: is no calibration file, expected one by drypoint calibrate",
         file);
  return parse_json(description->second);
}

/// What is said under a key about one type, or null.
const nlohmann::json* find_for(const nlohmann::json& how, const char* key, DType type) {
  const auto all = how.is_object() ? how.find(key) : how.end();
  if (!how.is_object() || all == how.end() || !all->is_object()) return nullptr;
  const auto own = all->find(std::string(name(type)));
  return own == all->end() ? nullptr : &*own;
}

/// Of a file that was quantised, or trained for it.
Quantization brought_along(const NamedTensors& model, DType eight_bits, const std::string& file) {
  Quantization quantization{.type = eight_bits};
  for (const auto& [name, tensor] : model.tensors) {
    if (!name.ends_with(range_end)) continue;
    const std::string module = name.substr(0, name.size() - range_end.size());
    if (tensor.type().elements() != 1)
      fail(ErrorKind::bad_file, "{}: {}: found {}, expected a number", file, printable(name),
           to_string(tensor.type()));
    const Tensor value = tensor.to_f32();
    const float range = value.floats()[0];
    expect_range(range, module, file);
    quantization.ranges[module] = range;
    if (model.has(module + std::string(input_factors))) {
      quantization.smoothed.insert(module);
      continue;
    }
    // Merged products have the name of what they are parts of; factors of each they cannot have.
    if (const auto whole = merged_module(module)) {
      float& merged = quantization.ranges[*whole];
      merged = std::max(merged, range);
    }
  }
  return quantization;
}

void check_factors(const Tensor& factors, std::string_view name, const std::string& file) {
  const Tensor values = factors.to_f32();
  for (const float factor : values.floats())
    if (!std::isfinite(factor) || factor <= 0 || !std::isfinite(1 / factor))
      fail(ErrorKind::bad_file, "{}: {}: holds {}, expected positive numbers", file,
           printable(name), factor);
}

}  // namespace

std::string range_name(std::string_view module, DType eight_bits) {
  return std::string(module) + "." + std::string(name(eight_bits));
}

Quantization read_calibration(const std::filesystem::path& file, DType eight_bits) {
  const std::string path = file.string();
  const NamedTensors tensors = read_tensor_file_as_it_is(file).tensors;
  const nlohmann::json how = how_it_was_made(tensors, path);
  Quantization quantization{.type = eight_bits};
  const std::string suffix = range_name("", eight_bits);
  for (const auto& [key, tensor] : tensors.tensors) {
    if (!key.ends_with(suffix)) continue;
    const std::string module = key.substr(0, key.size() - suffix.size());
    const Tensor values = tensor.to_f32();
    float& range = quantization.ranges[module];
    for (const float value : values.floats()) {
      expect_range(value, module, path);
      range = std::max(range, value);
    }
  }
  for (const auto& [key, tensor] : tensors.tensors)
    if (key.ends_with(input_factors)) {
      check_factors(tensor, key, path);
      quantization.smoothed.insert(key.substr(0, key.size() - input_factors.size()));
    }
  if (quantization.ranges.empty())
    fail(ErrorKind::bad_file, "{}: holds no ranges for {}", path, name(eight_bits));
  if (const auto* kept = find_for(how, "kept", eight_bits); kept && kept->is_array())
    for (const auto& module : *kept)
      if (module.is_string()) quantization.kept.insert(module.get<std::string>());
  return quantization;
}

void add_factors(NamedTensors& model, const Quantization& quantization,
                 const std::optional<std::filesystem::path>& calibration) {
  const NamedTensors file =
      calibration ? read_tensor_file_as_it_is(*calibration).tensors : NamedTensors();
  for (const std::string& module : quantization.smoothed) {
    const std::string name = module + std::string(input_factors);
    if (calibration) model.tensors.insert_or_assign(name, file.at(name).to_f32());
    const Tensor* factors = model.find(name);
    if (!factors || !factors->defined()) continue;  // a plan has what became of them
    Tensor inverse({DType::f32, factors->shape()});
    const Tensor values = factors->to_f32();
    std::ranges::transform(values.floats(), inverse.mutable_floats().begin(),
                           [](float factor) { return 1 / factor; });
    model.tensors.insert_or_assign(module + std::string(weight_factors), std::move(inverse));
  }
}

std::optional<double> known_quality(const std::filesystem::path& file, DType eight_bits) {
  const nlohmann::json how =
      how_it_was_made(read_tensor_file_as_it_is(file).tensors, file.string());
  const auto* psnr = find_for(how, "psnr", eight_bits);
  return psnr && psnr->is_number() ? std::optional(psnr->get<double>()) : std::nullopt;
}

void keep_modules(Quantization& quantization, const std::vector<std::string>& names,
                  const NamedTensors& tensors) {
  std::vector<std::string> modules;
  for (const auto& [tensor, _] : tensors.tensors)
    if (tensor.ends_with(".weight")) modules.push_back(tensor.substr(0, tensor.size() - 7));
  for (const std::string& wanted : names) {
    const bool all = wanted.ends_with('*');
    const std::string begin = all ? wanted.substr(0, wanted.size() - 1) : wanted;
    bool found = false;
    for (const std::string& module : modules) {
      // Merged products have the name of what they are parts of.
      std::string part = module;
      for (size_t end = part.size(); end != std::string::npos && part.starts_with(begin);
           end = part.rfind('.')) {
        part.resize(end);
        if (!part.starts_with(begin) || (!all && part != begin)) continue;
        quantization.kept.insert(part);
        found = true;
      }
    }
    if (!found)
      fail(ErrorKind::bad_argument, "keep: {}: the model has no such module, the nearest is {}",
           printable(wanted), nearest(begin, modules));
  }
}

ModelFiles files_for(ModelFiles files, Precision precision) {
  if (eight_bits_of(precision)) return files;
  files.calibration.reset();
  files.keep.clear();
  return files;
}

Quantization quantization_in(const NamedTensors& model, DType eight_bits, const std::string& file) {
  const auto found = model.metadata.find(quantization_key);
  if (found == model.metadata.end()) return brought_along(model, eight_bits, file);
  Quantization quantization{.type = eight_bits};
  const auto refuse = [&] {
    fail(ErrorKind::bad_file, "{}: {}: found {}, expected ranges and kept modules", file,
         quantization_key, printable(found->second));
  };
  const auto json = parse_json(found->second);
  if (!json.is_object() || json.value("type", "") != name(eight_bits) || !json.contains("ranges") ||
      !json["ranges"].is_object() || !json.contains("kept") || !json["kept"].is_array() ||
      !json.contains("smoothed") || !json["smoothed"].is_array())
    refuse();
  for (const auto& [module, range] : json["ranges"].items()) {
    if (!range.is_number()) refuse();
    expect_range(range.get<float>(), module, file);
    quantization.ranges[module] = range.get<float>();
  }
  for (const auto& [key, names] :
       {std::pair("kept", &quantization.kept), {"smoothed", &quantization.smoothed}})
    for (const auto& module : json[key]) {
      if (!module.is_string()) refuse();
      names->insert(module.get<std::string>());
    }
  return quantization;
}

void write_quantization(Metadata& metadata, const Quantization& quantization) {
  const nlohmann::json json{{"type", name(quantization.type)},
                            {"ranges", quantization.ranges},
                            {"kept", quantization.kept},
                            {"smoothed", quantization.smoothed}};
  metadata.insert_or_assign(quantization_key, json.dump());
}

}  // namespace drypoint

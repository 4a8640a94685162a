#include "diffusion/calibration.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"
#include "drypoint/nearest.h"
#include "tensor/precision.h"

namespace drypoint {
namespace {

constexpr const char* quantization_key = "drypoint.quantization";

void expect_range(float range, std::string_view module, const std::string& file) {
  if (!std::isfinite(range) || range < 0)
    fail(ErrorKind::bad_file, "{}: the range of {} is {}, expected a number from 0", file,
         printable(module), range);
}

}  // namespace

std::string range_name(std::string_view module, DType eight_bits) {
  return std::string(module) + "." + std::string(name(eight_bits));
}

Quantization read_calibration(const std::filesystem::path& file, DType eight_bits) {
  const std::string path = file.string();
  const NamedTensors tensors = read_tensor_file(file).tensors;
  const auto description = tensors.metadata.find(calibration_key);
  if (description == tensors.metadata.end())
    fail(ErrorKind::bad_file, "{}: is no calibration file, expected one by drypoint calibrate",
         path);
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
  if (quantization.ranges.empty())
    fail(ErrorKind::bad_file, "{}: holds no ranges for {}", path, name(eight_bits));
  const auto json = parse_json(description->second);
  const auto kept = json.is_object() ? json.find("kept") : json.end();
  if (json.is_object() && kept != json.end() && kept->is_object())
    if (const auto own = kept->find(std::string(name(eight_bits)));
        own != kept->end() && own->is_array())
      for (const auto& module : *own)
        if (module.is_string()) quantization.kept.insert(module.get<std::string>());
  return quantization;
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

Quantization quantization_in(const Metadata& metadata, DType eight_bits, const std::string& file) {
  Quantization quantization{.type = eight_bits};
  const auto found = metadata.find(quantization_key);
  if (found == metadata.end()) return quantization;
  const auto refuse = [&] {
    fail(ErrorKind::bad_file, "{}: {}: found {}, expected ranges and kept modules", file,
         quantization_key, printable(found->second));
  };
  const auto json = parse_json(found->second);
  if (!json.is_object() || json.value("type", "") != name(eight_bits) || !json.contains("ranges") ||
      !json["ranges"].is_object() || !json.contains("kept") || !json["kept"].is_array())
    refuse();
  for (const auto& [module, range] : json["ranges"].items()) {
    if (!range.is_number()) refuse();
    expect_range(range.get<float>(), module, file);
    quantization.ranges[module] = range.get<float>();
  }
  for (const auto& module : json["kept"]) {
    if (!module.is_string()) refuse();
    quantization.kept.insert(module.get<std::string>());
  }
  return quantization;
}

void write_quantization(Metadata& metadata, const Quantization& quantization) {
  const nlohmann::json json{{"type", name(quantization.type)},
                            {"ranges", quantization.ranges},
                            {"kept", quantization.kept}};
  metadata.insert_or_assign(quantization_key, json.dump());
}

}  // namespace drypoint

#include "models/upscaler.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"
#include "models/complete.h"

namespace drypoint {
namespace {

/// The number that `text` begins with, which it is then without.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return false;
  text.remove_prefix(beginning.size());
  return true;
}

/// "3.RDB2.conv4.0.weight" -> "body.3.rdb2.conv4.weight"
std::optional<std::string> block_name(std::string_view rest) {
  const auto block = take_number(rest);
  if (!block || !take(rest, ".RDB")) return {};
  const auto dense = take_number(rest);
  if (!dense || !take(rest, ".conv")) return {};
  const auto convolution = take_number(rest);
  if (!convolution) return {};
  if (!take(rest, ".0.") && !take(rest, ".")) return {};
  return fmt::format("body.{}.rdb{}.conv{}.{}", *block, *dense, *convolution, rest);
}

/// Of the first code modules behind the trunk count on: those that enlarge, and two more.
std::string first_code_name(std::string_view name, const std::vector<int>& numbers) {
  std::string_view rest = name;
  if (!take(rest, "model.")) return std::string(name);
  if (std::string_view inside = rest; take(inside, "1.sub.")) {
    if (const auto block = block_name(inside)) return *block;
    if (take_number(inside) && take(inside, ".")) return fmt::format("conv_body.{}", inside);
    return std::string(name);
  }
  const auto number = take_number(rest);
  if (!number || !take(rest, ".")) return std::string(name);
  if (*number == 0) return fmt::format("conv_first.{}", rest);
  const auto place = std::ranges::find(numbers, *number) - numbers.begin();
  const auto from_end = static_cast<std::ptrdiff_t>(numbers.size()) - place;
  if (from_end == 1) return fmt::format("conv_last.{}", rest);
  if (from_end == 2) return fmt::format("conv_hr.{}", rest);
  return fmt::format("conv_up{}.{}", place + 1, rest);
}

std::string second_code_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> renamed[] = {
      {"trunk_conv.", "conv_body."}, {"upconv", "conv_up"}, {"HRconv.", "conv_hr."}};
  if (std::string_view rest = name; take(rest, "RRDB_trunk."))
    if (const auto block = block_name(rest)) return *block;
  for (const auto& [old, basic] : renamed)
    if (std::string_view rest = name; take(rest, old)) return fmt::format("{}{}", basic, rest);
  return std::string(name);
}

NamedTensors with_basic_names(NamedTensors file) {
  std::string_view prefix;
  for (const std::string_view wrapped : {"params.", "params_ema."})
    if (file.has_prefix(wrapped)) prefix = wrapped;
  std::set<int> behind_trunk;
  for (const auto& [name, _] : file.tensors) {
    std::string_view rest = name;
    if (take(rest, prefix) && take(rest, "model."))
      if (const auto number = take_number(rest); number && *number > 1)
        behind_trunk.insert(*number);
  }
  const std::vector<int> numbers(behind_trunk.begin(), behind_trunk.end());
  NamedTensors result;
  result.files = std::move(file.files);
  result.foreign = std::move(file.foreign);
  result.unusable = std::move(file.unusable);
  for (auto& [name, tensor] : file.tensors) {
    std::string_view own = name;
    if (!take(own, prefix)) continue;  // of the other weights
    result.tensors[own.starts_with("model.") ? first_code_name(own, numbers)
                                             : second_code_name(own)] = std::move(tensor);
  }
  return result;
}

const Shape& filter_of(const NamedTensors& tensors, const std::string& name,
                       const std::string& file) {
  const Tensor* tensor = tensors.find(name);
  if (!tensor || tensor->shape().size() != 4)
    fail(ErrorKind::unsupported,
         "{}: holds no network that enlarges pictures and is known here: tensor {} of a "
         "convolution, as ESRGAN and RealESRGAN have it, is {} (the first tensor is {})",
         file, name, tensor ? to_string(tensor->type()) : "missing",
         tensors.tensors.empty() ? "-" : printable(tensors.tensors.begin()->first));
  return tensor->shape();
}

int64_t count(const NamedTensors& tensors, std::string_view prefix, std::string_view suffix,
              int first) {
  int64_t found = 0;
  while (tensors.has(fmt::format("{}{}{}", prefix, first + found, suffix))) ++found;
  return found;
}

[[noreturn]] void refuse_shape(const std::string& file, const std::string& name, const Shape& shape,
                               std::string_view expected) {
  fail(ErrorKind::unsupported, "{}: tensor {}: found {}, expected {}", file, name, to_string(shape),
       expected);
}

UpscalerConfig detect_rrdb(const NamedTensors& tensors, const std::string& file) {
  const std::string first_name = "conv_first.weight";
  const Shape& first = filter_of(tensors, first_name, file);
  RrdbConfig config;
  config.features = first[0];
  while (3 * config.unshuffle * config.unshuffle < first[1] && config.unshuffle < 4)
    config.unshuffle *= 2;
  if (3 * config.unshuffle * config.unshuffle != first[1])
    refuse_shape(file, first_name, first, "3, 12 or 48 channels");
  config.growth = filter_of(tensors, "body.0.rdb1.conv1.weight", file)[0];
  config.blocks = count(tensors, "body.", ".rdb1.conv1.weight", 0);
  config.doublings = count(tensors, "conv_up", ".weight", 1);
  if (config.doublings < 1 || config.doublings > 3 || config.scale() < 1)
    fail(ErrorKind::unsupported, "{}: doubles {}/{} times, expected 1 to 3", file, config.doublings,
         config.unshuffle);
  return config;
}

UpscalerConfig detect_srvgg(const NamedTensors& tensors, const std::string& file) {
  SrvggConfig config;
  config.features = filter_of(tensors, "body.0.weight", file)[0];
  const int64_t modules = count(tensors, "body.", ".weight", 0);
  config.convolutions = (modules - 3) / 2;
  const std::string last_name = fmt::format("body.{}.weight", std::max<int64_t>(modules - 1, 0));
  const Shape& last = filter_of(tensors, last_name, file);
  for (const int64_t factor : {1, 2, 4})
    if (last[0] == 3 * factor * factor) config.factor = factor;
  if (config.factor == 0 || config.convolutions < 1)
    refuse_shape(file, last_name, last, "3, 12 or 48 channels, behind two convolutions and more");
  return config;
}

}  // namespace

std::vector<TensorSpec> tensors_of(const UpscalerConfig& config) {
  return weights_of(build_upscaler(config, multiple_of(config), multiple_of(config)));
}

UpscalerFile read_upscaler(const std::filesystem::path& path) {
  const std::string file = path.string();
  UpscalerFile result{with_basic_names(read_tensor_file(path).tensors), {}};
  const bool is_rrdb =
      result.tensors.has_prefix("conv_first.") || !result.tensors.has("body.0.weight");
  result.config = is_rrdb ? detect_rrdb(result.tensors, file) : detect_srvgg(result.tensors, file);
  const auto needed = tensors_of(result.config);
  check_complete(result.tensors, needed, file);
  if (needed.size() != result.tensors.tensors.size())
    for (const auto& [name, _] : result.tensors.tensors)
      if (std::ranges::find(needed, name, &TensorSpec::name) == needed.end())
        fail(ErrorKind::unsupported,
             "{}: tensor {}: is of no use in a network known here that enlarges pictures", file,
             printable(name));
  return result;
}

Graph build_upscaler(const UpscalerConfig& config, int64_t height, int64_t width) {
  if (const auto* rrdb = std::get_if<RrdbConfig>(&config)) return build_rrdb(*rrdb, height, width);
  return build_srvgg(std::get<SrvggConfig>(config), height, width);
}

}  // namespace drypoint

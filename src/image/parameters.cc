#include "drypoint/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/trimmed.h"

namespace drypoint {
namespace {

using nlohmann::json;
using Settings = std::vector<std::pair<std::string, std::string>>;

std::string quoted(const std::string& value) {
  if (value.find_first_of(",:\n\"") == std::string::npos) return value;
  return json(value).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  const json parsed = json::parse(value, nullptr, /*allow_exceptions=*/false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string(value);
}

void append(std::string& line, std::string_view key, const std::string& value) {
  if (value.empty()) return;
  if (!line.empty()) line += ", ";
  line.append(key) += ": ";
  line += quoted(value);
}

std::string short_number(double value) { return fmt::format("{}", value); }     // 7
std::string python_number(double value) { return fmt::format("{:#}", value); }  // 7.0

std::string format_control(const ControlParameters& control) {
  std::string line;
  append(line, "Module", control.module);
  append(line, "Model", control.model);
  append(line, "Weight", python_number(control.weight));
  append(line, "Resize Mode", control.resize_mode);
  append(line, "Processor Res", fmt::to_string(control.processor_resolution));
  append(line, "Threshold A", python_number(control.threshold_a));
  append(line, "Threshold B", python_number(control.threshold_b));
  append(line, "Guidance Start", python_number(control.guidance_start));
  append(line, "Guidance End", python_number(control.guidance_end));
  append(line, "Pixel Perfect", control.pixel_perfect ? "True" : "False");
  append(line, "Control Mode", control.control_mode);
  append(line, "Layer Weights", fmt::to_string(fmt::join(control.layer_weights, " ")));
  for (const auto& [key, value] : control.others) append(line, key, value);
  return line;
}

/// The end of the value at `at`: the comma after it, or the end of the line.
size_t end_of_value(std::string_view line, size_t at) {
  if (at < line.size() && line[at] == '"') {
    size_t end = at + 1;
    while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    if (++end == line.size() || (end < line.size() && line[end] == ',')) return end;
  }
  if (at < line.size() && line[at] == '(')  // "(0, 1)", as older ControlNet extensions write
    if (const size_t end = line.find(')', at); end != line.npos)
      return std::min(line.find(',', end), line.size());
  return std::min(line.find(',', at), line.size());
}

/// "key: value, key: value"; parts without a colon are passed over.
Settings parse_settings(std::string_view line) {
  Settings settings;
  for (size_t at = 0; at < line.size();) {
    const size_t colon = line.find(':', at), comma = line.find(',', at);
    if (colon == line.npos) break;
    if (comma < colon) {
      at = comma + 1;
      continue;
    }
    const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    const size_t end = end_of_value(line, value);
    settings.emplace_back(trimmed(line.substr(at, colon - at)),
                          unquoted(trimmed(line.substr(value, end - value))));
    at = end + 1;
  }
  return settings;
}

template <class Number>
void read_number(std::string_view text, Number& number) {
  Number parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc() && end == text.data() + text.size()) number = parsed;
}

void read_size(std::string_view text, int& width, int& height) {
  const size_t x = text.find('x');
  if (x == text.npos) return;
  read_number(text.substr(0, x), width);
  read_number(text.substr(x + 1), height);
}

/// "(512, 100, 200)", each where there is one.
void read_numbers(std::string_view text, std::initializer_list<double*> numbers) {
  if (text.starts_with('(')) text.remove_prefix(1);
  for (double* number : numbers) {
    const size_t end = std::min(text.find_first_of(",)"), text.size());
    read_number(trimmed(text.substr(0, end)), *number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// "0.5 0.75"
std::vector<double> read_list(std::string_view text) {
  std::vector<double> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) read_number(text.substr(0, end), numbers.emplace_back());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return numbers;
}

/// Keys as the extension wrote them before 1.1.400. False: it is none of them.
bool read_older_control(const std::string& key, const std::string& value,
                        ControlParameters& control) {
  double resolution = control.processor_resolution;
  if (key == "preprocessor")
    control.module = value;
  else if (key == "model")
    control.model = value;
  else if (key == "weight")
    read_number(value, control.weight);
  else if (key == "starting/ending")
    read_numbers(value, {&control.guidance_start, &control.guidance_end});
  else if (key == "resize mode")
    control.resize_mode = value;
  else if (key == "pixel perfect")
    control.pixel_perfect = value == "True";
  else if (key == "control mode")
    control.control_mode = value;
  else if (key == "preprocessor params")
    read_numbers(value, {&resolution, &control.threshold_a, &control.threshold_b});
  else
    return false;
  if (resolution > 0 && resolution <= 65536)
    control.processor_resolution = static_cast<int>(resolution);
  return true;
}

void read_control_setting(const std::string& key, const std::string& value,
                          ControlParameters& control) {
  if (key == "Module") return void(control.module = value);
  if (key == "Model") return void(control.model = value);
  if (key == "Weight") return read_number(value, control.weight);
  if (key == "Resize Mode") return void(control.resize_mode = value);
  if (key == "Processor Res") return read_number(value, control.processor_resolution);
  if (key == "Threshold A") return read_number(value, control.threshold_a);
  if (key == "Threshold B") return read_number(value, control.threshold_b);
  if (key == "Guidance Start") return read_number(value, control.guidance_start);
  if (key == "Guidance End") return read_number(value, control.guidance_end);
  if (key == "Pixel Perfect") return void(control.pixel_perfect = value == "True");
  if (key == "Control Mode") return void(control.control_mode = value);
  if (key == "Layer Weights") return void(control.layer_weights = read_list(value));
  if (!read_older_control(key, value, control)) control.others.emplace_back(key, value);
}

ControlParameters parse_control(std::string_view text) {
  ControlParameters control;
  for (const auto& [key, value] : parse_settings(text)) read_control_setting(key, value, control);
  return control;
}

void read_setting(const std::string& key, const std::string& value, Parameters& parameters) {
  if (key == "Steps") return read_number(value, parameters.steps);
  if (key == "CFG scale") return read_number(value, parameters.cfg_scale);
  if (key == "Seed") return read_number(value, parameters.seed);
  if (key == "Size") return read_size(value, parameters.width, parameters.height);
  if (key == "Eta DDIM") return read_number(value, parameters.eta);
  if (key == "Sampler") return void(parameters.sampler = value);
  if (key == "Schedule type") return void(parameters.schedule_type = value);
  if (key == "Model hash") return void(parameters.model_hash = value);
  if (key == "Model") return void(parameters.model = value);
  if (key == "RNG") return void(parameters.rng = value);
  if (key == "Version") return void(parameters.version = value);
  if (key.starts_with("ControlNet ") && key.size() == 12 && key[11] >= '0' && key[11] <= '9')
    return void(parameters.controls.push_back(parse_control(value)));
  parameters.others.emplace_back(key, value);
}

}  // namespace

std::string format_parameters(const Parameters& parameters) {
  std::string line;
  append(line, "Steps", fmt::to_string(parameters.steps));
  append(line, "Sampler", parameters.sampler);
  append(line, "Schedule type", parameters.schedule_type);
  append(line, "CFG scale", short_number(parameters.cfg_scale));
  append(line, "Seed", fmt::to_string(parameters.seed));
  append(line, "Size", fmt::format("{}x{}", parameters.width, parameters.height));
  append(line, "Model hash", parameters.model_hash);
  append(line, "Model", parameters.model);
  if (parameters.rng != "GPU") append(line, "RNG", parameters.rng);
  if (parameters.eta != 0) append(line, "Eta DDIM", short_number(parameters.eta));
  for (size_t i = 0; i < parameters.controls.size(); ++i)
    append(line, fmt::format("ControlNet {}", i), format_control(parameters.controls[i]));
  for (const auto& [key, value] : parameters.others) append(line, key, value);
  append(line, "Version", parameters.version);

  std::string text = parameters.prompt + "\n";
  if (!parameters.negative_prompt.empty())
    text += "Negative prompt: " + parameters.negative_prompt + "\n";
  return text + line;
}

Parameters parse_parameters(std::string_view text) {
  Parameters parameters;
  text = trimmed(text);
  const size_t last_break = text.rfind('\n');
  std::string_view last = text.substr(last_break == text.npos ? 0 : last_break + 1);
  constexpr size_t longest = 100'000;  // no tool writes that, and settings are looked up one by one
  if (last.size() > longest) last = {};
  if (const Settings settings = parse_settings(last); settings.size() >= 3) {
    for (const auto& [key, value] : settings) read_setting(key, value, parameters);
    text = text.substr(0, last_break == text.npos ? 0 : last_break);
  }
  std::string* into = &parameters.prompt;
  constexpr std::string_view negative = "Negative prompt:";
  for (bool first = true; !text.empty(); first = false) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    if (line.starts_with(negative)) {
      into = &parameters.negative_prompt;
      line = trimmed(line.substr(negative.size()));
      first = into->empty();
    }
    if (!first && !(into->empty() && into == &parameters.negative_prompt)) *into += '\n';
    *into += line;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parameters;
}

}  // namespace drypoint

#include "diffusion/adapter_use.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/utf8.h"
#include "diffusion/field_makers.h"
#include "diffusion/request.h"
#include "text/lora_tags.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

bool reads_tags(const Request& request) { return request.parser != ParserKind::plain; }

LoraTags tags_of(const Request& request) {
  try {
    return take_lora_tags(full_prompt(request));
  } catch (const Error& error) {
    fail(error.kind(), "prompt: {}", error.what());
  }
}

}  // namespace

AdapterUse adapter_use(std::string_view text) {
  AdapterUse use{std::string(text), 1, {}};
  const size_t equals = text.rfind('=');
  if (equals == text.npos || equals == 0) return use;
  const std::string_view numbers = text.substr(equals + 1);
  const size_t colon = std::min(numbers.find(':'), numbers.size());
  double strength = 0, text_strength = 0;
  if (!fields::parse_number(numbers.substr(0, colon), strength)) return use;  // part of the name
  if (colon < numbers.size()) {
    if (!fields::parse_number(numbers.substr(colon + 1), text_strength)) return use;
    use.text_strength = text_strength;
  }
  use.strength = strength;
  use.file = text.substr(0, equals);
  return use;
}

std::string text_of(const AdapterUse& use) {
  const bool is_plain = use.strength == 1 && !use.text_strength;
  if (is_plain && use.file.find('=') == use.file.npos) return use.file;
  std::string text = fmt::format("{}={}", use.file, use.strength);
  if (use.text_strength) text += fmt::format(":{}", *use.text_strength);
  return text;
}

std::vector<AdapterUse> adapters_of(const Request& request) {
  std::vector<AdapterUse> all = request.loras;
  if (!reads_tags(request)) return all;
  for (LoraTag& tag : tags_of(request).tags)
    all.push_back({std::move(tag.name), tag.strength, tag.text_strength});
  if (all.size() > kMostAdapters)
    fail(ErrorKind::bad_argument,
         "prompt: calls {} adapters with those of lora, expected at most {}", all.size(),
         kMostAdapters);
  return all;
}

std::string encoded_prompt(const Request& request) {
  return reads_tags(request) ? tags_of(request).text : full_prompt(request);
}

std::string prompt_with_adapters(const Request& request) {
  std::string prompt = full_prompt(request);
  for (const AdapterUse& use : request.loras) {
    const std::string name = valid_utf8(std::filesystem::path(use.file).stem().string());
    prompt += fmt::format(" <lora:{}:{}", name, use.text_strength.value_or(use.strength));
    if (use.text_strength && *use.text_strength != use.strength)
      prompt += fmt::format(":{}", use.strength);
    prompt += ">";
  }
  return prompt;
}

}  // namespace drypoint

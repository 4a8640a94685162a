#include "diffusion/request/adapter_use.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/utf8.h"
#include "diffusion/request/field_makers.h"
#include "diffusion/request/request.h"
#include "text/lora_tags.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

bool reads_tags(const Request& request) { return request.parser != ParserKind::plain; }

/// Without folders, which are nobody's business.
std::string name_of(const AdapterUse& use) {
  return valid_utf8(std::filesystem::path(use.file).stem().string());
}

LoraTags tags_of(const Request& request) {
  try {
    return take_lora_tags(full_prompt(request));
  } catch (const Error& error) {
    fail(error.kind(), "prompt: {}", error.what());
  }
}

}  // namespace

AdapterUse adapter_use(std::string_view text) {
  const AdapterUse whole{std::string(text), 1, {}, {}};  // where "=" is part of the name
  const size_t equals = text.rfind('=');
  if (equals == text.npos || equals == 0) return whole;
  std::string_view rest = text.substr(equals + 1);
  std::vector<double> numbers[3];  // between colons
  for (size_t part = 0, end = 0; part < 3 && end != rest.npos; ++part) {
    end = rest.find(':');
    std::string_view list = rest.substr(0, end);
    for (size_t comma = 0; comma != list.npos;) {
      comma = list.find(',');
      if (!fields::parse_number(list.substr(0, comma), numbers[part].emplace_back())) return whole;
      if (comma != list.npos) list.remove_prefix(comma + 1);
    }
    if (end != rest.npos && part == 2) return whole;
    if (end != rest.npos) rest.remove_prefix(end + 1);
    if (part < 2 && numbers[part].size() != 1) return whole;
  }
  AdapterUse use{std::string(text.substr(0, equals)), numbers[0][0], {}, std::move(numbers[2])};
  if (!numbers[1].empty()) use.text_strength = numbers[1][0];
  return use;
}

std::string text_of(const AdapterUse& use) {
  const bool is_plain = use.strength == 1 && !use.text_strength && use.blocks.empty();
  if (is_plain && use.file.find('=') == use.file.npos) return use.file;
  std::string text = fmt::format("{}={}", use.file, use.strength);
  if (use.text_strength || !use.blocks.empty())
    text += fmt::format(":{}", use.text_strength.value_or(use.strength));
  if (!use.blocks.empty()) text += fmt::format(":{}", fmt::join(use.blocks, ","));
  return text;
}

void check_strengths(const AdapterUse& use) {
  if (!use.blocks.empty() && use.blocks.size() != 17 && use.blocks.size() != 26)
    fail(ErrorKind::bad_argument, "lora: {}: {} numbers of blocks, expected 17 or 26",
         printable(use.file), use.blocks.size());
  std::vector<double> strengths = use.blocks;
  strengths.push_back(use.strength);
  strengths.push_back(use.text_strength.value_or(0));
  for (const double strength : strengths)
    if (!std::isfinite(strength))
      fail(ErrorKind::bad_argument, "lora: {}: strength {}, expected a finite number",
           printable(use.file), strength);
}

std::vector<AdapterUse> adapters_of(const Request& request) {
  std::vector<AdapterUse> all = request.loras;
  if (!reads_tags(request)) return all;
  for (LoraTag& tag : tags_of(request).tags)
    all.push_back({std::move(tag.name), tag.strength, tag.text_strength, std::move(tag.blocks)});
  if (all.size() > kMostAdapters)
    fail(ErrorKind::bad_argument,
         "prompt: calls {} adapters with those of lora, expected at most {}", all.size(),
         kMostAdapters);
  return all;
}

std::string encoded_prompt(const Request& request) {
  return reads_tags(request) ? tags_of(request).text : full_prompt(request);
}

std::string named_adapters(std::span<const AdapterUse> uses) {
  std::string lines;
  for (AdapterUse use : uses) {
    use.file = name_of(use);
    if (!lines.empty()) lines += '\n';
    lines += text_of(use);
  }
  return lines;
}

std::string prompt_with_adapters(const Request& request) {
  std::string prompt = full_prompt(request);
  for (const AdapterUse& use : request.loras) {
    prompt += fmt::format(" <lora:{}:{}", name_of(use), use.text_strength.value_or(use.strength));
    if (use.text_strength && *use.text_strength != use.strength)
      prompt += fmt::format(":{}", use.strength);
    if (!use.blocks.empty()) prompt += fmt::format(":lbw={}", fmt::join(use.blocks, ","));
    prompt += ">";
  }
  return prompt;
}

}  // namespace drypoint

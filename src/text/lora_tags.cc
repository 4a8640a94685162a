#include "text/lora_tags.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/trimmed.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

double strength_of(std::string_view text, std::string_view tag) {
  std::string_view digits = trimmed(text, " ");
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value))
    fail(ErrorKind::bad_argument, "\"{}\": found \"{}\", expected a number", printable(tag),
         printable(text));
  return value;
}

std::vector<double> blocks_of(std::string_view text, std::string_view tag) {
  std::vector<double> blocks;
  while (true) {
    const size_t end = std::min(text.find(','), text.size());
    blocks.push_back(strength_of(text.substr(0, end), tag));
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  if (blocks.size() != 17 && blocks.size() != 26)
    fail(ErrorKind::bad_argument, "\"{}\": found {} numbers of blocks, expected 17 or 26",
         printable(tag), blocks.size());
  return blocks;
}

LoraTag read_tag(std::string_view arguments, std::string_view tag) {
  std::vector<std::string_view> positional;
  std::optional<double> text_strength, strength;
  std::vector<double> blocks;
  while (true) {
    const size_t end = std::min(arguments.find(':'), arguments.size());
    const std::string_view one = arguments.substr(0, end);
    const size_t equals = one.find('=');
    if (equals == one.npos) {
      positional.push_back(one);
    } else if (const auto key = trimmed(one.substr(0, equals), " "); key == "te" || key == "unet") {
      (key == "te" ? text_strength : strength) = strength_of(one.substr(equals + 1), tag);
    } else if (key == "lbw") {
      blocks = blocks_of(one.substr(equals + 1), tag);
    } else {
      fail(ErrorKind::bad_argument, "\"{}\": found \"{}\", expected te, unet or lbw",
           printable(tag), printable(key));
    }
    if (end == arguments.size()) break;
    arguments.remove_prefix(end + 1);
  }
  if (positional.empty() || trimmed(positional[0], " ").empty())
    fail(ErrorKind::bad_argument, "\"{}\": has no name, expected <lora:NAME:0.8>", printable(tag));
  if (positional.size() > 3)
    fail(ErrorKind::bad_argument,
         "\"{}\": found \"{}\" after the strengths, expected at most two of them: a rank cannot be "
         "cut",
         printable(tag), printable(positional[3]));
  LoraTag read{std::string(trimmed(positional[0], " ")), 1, 1, std::move(blocks)};
  if (positional.size() > 1) read.text_strength = strength_of(positional[1], tag);
  read.text_strength = text_strength.value_or(read.text_strength);
  read.strength = positional.size() > 2 ? strength_of(positional[2], tag) : read.text_strength;
  read.strength = strength.value_or(read.strength);
  return read;
}

}  // namespace

LoraTags take_lora_tags(std::string_view prompt) {
  LoraTags result;
  while (!prompt.empty()) {
    const size_t begin = std::min(prompt.find('<'), prompt.size());
    result.text += prompt.substr(0, begin);
    prompt.remove_prefix(begin);
    std::string_view beginning;
    for (const std::string_view known : {"<lora:", "<lyco:"})
      if (prompt.starts_with(known)) beginning = known;
    const size_t end = beginning.empty() ? prompt.npos : prompt.find('>');
    if (end == prompt.npos || end == beginning.size()) {  // text
      result.text += prompt.substr(0, 1);
      prompt.remove_prefix(std::min<size_t>(1, prompt.size()));
      continue;
    }
    result.tags.push_back(read_tag(prompt.substr(beginning.size(), end - beginning.size()),
                                   prompt.substr(0, end + 1)));
    prompt.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace drypoint

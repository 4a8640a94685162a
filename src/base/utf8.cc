#include "base/utf8.h"

#include <algorithm>

namespace drypoint {

size_t character_length(std::string_view text) {
  // Table 3-7 of the Unicode standard: what may follow the first byte keeps out surrogates, codes
  // beyond U+10FFFF, and characters written longer than they need be.
  const auto is_between = [&](size_t at, unsigned low, unsigned high) {
    return at < text.size() && static_cast<unsigned char>(text[at]) >= low &&
           static_cast<unsigned char>(text[at]) <= high;
  };
  const auto follows = [&](size_t at) { return is_between(at, 0x80, 0xbf); };
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (is_between(0, 0xc2, 0xdf)) return follows(1) ? 2 : 0;
  if (is_between(0, 0xe0, 0xef)) {
    const bool good = is_between(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
    return good && follows(2) ? 3 : 0;
  }
  if (is_between(0, 0xf0, 0xf4)) {
    const bool good = is_between(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return good && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

namespace {

// Takes the first character off `text`, and gives it, or a question mark where it cannot be shown.
std::string_view take_printable(std::string_view& text) {
  const size_t length = character_length(text);
  const auto first = static_cast<unsigned char>(text[0]);
  const bool is_control =
      length == 1 ? first < 0x20 || first == 0x7f : length == 2 && text.substr(0, 2) < "\xc2\xa0";
  const auto character = text.substr(0, length);
  text.remove_prefix(std::max<size_t>(length, 1));
  return length == 0 || is_control ? std::string_view("?") : character;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr size_t longest = 200;
  std::string result;
  while (!text.empty()) {
    const auto character = take_printable(text);
    if (result.size() + character.size() > longest) return result + "...";
    result += character;
  }
  return result;
}

std::string shortened(std::string_view text, size_t longest) {
  constexpr std::string_view gap = " ... ";
  std::string result;
  result.reserve(std::min(text.size(), longest));
  const auto is_inside = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
  };
  if (text.size() > longest) {
    const size_t head = (longest - gap.size()) * 3 / 5, tail = longest - gap.size() - head;
    std::string_view first = text.substr(0, head);
    for (size_t i = 0; i < 3 && is_inside(text[first.size()]); ++i) first.remove_suffix(1);
    while (!first.empty()) result += take_printable(first);
    result += gap;
    text.remove_prefix(text.size() - tail);
    for (size_t i = 0; i < 3 && is_inside(text[0]); ++i) text.remove_prefix(1);
  }
  while (!text.empty()) result += take_printable(text);
  return result;
}

}  // namespace drypoint

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

std::string printable(std::string_view text) {
  constexpr size_t longest = 200;
  std::string result;
  for (size_t length = 0; !text.empty(); text.remove_prefix(length)) {
    length = character_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool is_control =
        length == 1 ? first < 0x20 || first == 0x7f : length == 2 && text.substr(0, 2) < "\xc2\xa0";
    if (result.size() + std::max<size_t>(length, 1) > longest) return result + "...";
    if (length == 0 || is_control)
      result += '?';
    else
      result += text.substr(0, length);
    length = std::max<size_t>(length, 1);
  }
  return result;
}

}  // namespace drypoint

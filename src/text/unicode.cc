#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/error.h"

namespace drypoint {
namespace {

constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

int combining_class(int32_t code) { return utf8proc_get_property(code)->combining_class; }

std::vector<Character> decompose(std::span<const Character> text) {
  std::vector<Character> decomposed;
  decomposed.reserve(text.size());
  for (const Character& character : text) {
    utf8proc_int32_t parts[16];  // Unicode's longest canonical decomposition has 4
    int unused = 0;
    const auto count =
        utf8proc_decompose_char(character.code, parts, std::size(parts), kDecompose, &unused);
    for (utf8proc_ssize_t i = 0; i < count; ++i) decomposed.push_back({parts[i], character.byte});
  }
  // Marks between two starters (class 0) go into the order of their classes.
  const auto is_mark = [](const Character& c) { return combining_class(c.code) != 0; };
  for (auto begin = decomposed.begin(); begin != decomposed.end();) {
    begin = std::find_if(begin, decomposed.end(), is_mark);
    const auto end = std::find_if_not(begin, decomposed.end(), is_mark);
    std::stable_sort(begin, end, [](const Character& a, const Character& b) {
      return combining_class(a.code) < combining_class(b.code);
    });
    begin = end;
  }
  return decomposed;
}

}  // namespace

std::vector<Character> decode_utf8(std::string_view text) {
  std::vector<Character> characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(&text[at]),
                                         static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (length <= 0)
      fail(ErrorKind::bad_argument, "text is not UTF-8: byte {} is 0x{:02x}", at,
           static_cast<unsigned char>(text[at]));
    characters.push_back({code, at});
    at += static_cast<size_t>(length);
  }
  return characters;
}

std::vector<Character> compose(std::span<const Character> text) {
  // Nothing below the first combining mark ever changes.
  if (std::all_of(text.begin(), text.end(), [](const Character& c) { return c.code < 0x300; }))
    return {text.begin(), text.end()};
  std::vector<Character> composed;
  composed.reserve(text.size());
  constexpr size_t kNone = ~size_t{0};
  size_t starter = kNone;
  int last_class = -1;  // of what stands between the starter and here; -1 for nothing
  for (const Character& character : decompose(text)) {
    const int mark_class = combining_class(character.code);
    if (starter != kNone && mark_class > last_class) {
      utf8proc_int32_t pair[2] = {composed[starter].code, character.code};
      if (utf8proc_normalize_utf32(pair, 2, kCompose) == 1) {
        composed[starter].code = pair[0];
        continue;
      }
    }
    if (mark_class == 0) starter = composed.size();
    last_class = mark_class == 0 ? -1 : mark_class;
    composed.push_back(character);
  }
  return composed;
}

std::vector<Character> lower_case(std::span<const Character> text) {
  std::vector<Character> lower;
  lower.reserve(text.size());
  for (const Character& character : text) {
    if (character.code == 0x130) {  // the only character whose lower case has two: i and a dot
      lower.push_back({'i', character.byte});
      lower.push_back({0x307, character.byte});
    } else {
      lower.push_back({utf8proc_tolower(character.code), character.byte});
    }
  }
  return lower;
}

CharacterClass character_class(int32_t code) {
  if ((code >= 9 && code <= 13) || code == 0x85) return CharacterClass::space;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return CharacterClass::space;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return CharacterClass::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharacterClass::number;
    default: return CharacterClass::other;
  }
}

/// Ten digits follow each other, from a code that ends in 0 or 6 on; mathematical ones are five
/// times ten.
int digit_value(int32_t code) {
  const auto is_digit = [](int32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_ND; };
  if (!is_digit(code)) return -1;
  constexpr int32_t first_mathematical = 0x1d7ce, last_mathematical = 0x1d7ff;
  if (code >= first_mathematical && code <= last_mathematical)
    return (code - first_mathematical) % 10;
  const int32_t begin = code & ~0xf;
  return code - (is_digit(begin) ? begin : begin + 6);
}

void append_utf8(std::string& text, int32_t code) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(code, bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

std::string_view first_bytes(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(&text[at]),
                                         static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    append_utf8(valid, length > 0 ? code : 0xfffd);
    at += length > 0 ? static_cast<size_t>(length) : 1;
  }
  return valid;
}

}  // namespace drypoint

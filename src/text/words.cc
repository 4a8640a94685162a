#include "text/words.h"

#include <utf8proc.h>

#include "text/unicode.h"

namespace drypoint {
namespace {

constexpr int32_t kNoCharacter = -1;

bool is_continued(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Where the last character begins.
size_t last_character(std::string_view text) {
  size_t begin = text.size();
  while (begin > 0 && is_continued(text[--begin])) {
  }
  return begin;
}

bool is_space(int32_t code) {
  return (code >= 0x1c && code <= 0x1f) ||
         (code >= 0 && character_class(code) == CharacterClass::space);
}

bool is_of_word(int32_t code) {
  if (code == '_') return true;
  if (code < 0) return false;
  const CharacterClass kind = character_class(code);
  return kind == CharacterClass::letter || kind == CharacterClass::number;
}

}  // namespace

std::pair<int32_t, size_t> first_character(std::string_view text) {
  utf8proc_int32_t code = kNoCharacter;
  if (text.empty()) return {kNoCharacter, 0};
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  return length > 0 ? std::pair(code, static_cast<size_t>(length)) : std::pair(kNoCharacter, 1UL);
}

std::string_view without_space_after(std::string_view text) {
  while (!text.empty()) {
    const size_t begin = last_character(text);
    if (!is_space(first_character(text.substr(begin)).first)) break;
    text = text.substr(0, begin);
  }
  return text;
}

std::string_view without_space_before(std::string_view text) {
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    if (!is_space(code)) break;
    text.remove_prefix(length);
  }
  return text;
}

size_t find_word(std::string_view text, std::string_view word, size_t from) {
  for (size_t at = text.find(word, from); at != text.npos; at = text.find(word, at + 1)) {
    const std::string_view before = text.substr(0, at);
    const bool begins =
        before.empty() || !is_of_word(first_character(before.substr(last_character(before))).first);
    if (begins && !is_of_word(first_character(text.substr(at + word.size())).first)) return at;
  }
  return text.npos;
}

}  // namespace drypoint

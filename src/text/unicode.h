// Unicode text as the tokenizer needs it: code points that remember where they came from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drypoint {

struct Character {
  int32_t code;
  size_t byte;  // where the character that this one comes from begins in the text
};

/// Throws bad_argument naming the first byte that is not UTF-8.
std::vector<Character> decode_utf8(std::string_view text);

/// Normalization form C: canonical decomposition, then composition (Unicode Standard Annex 15).
std::vector<Character> compose(std::span<const Character> text);

/// Full lower case, without regard to neighbours.
std::vector<Character> lower_case(std::span<const Character> text);

enum class CharacterClass { space, letter, number, other };
CharacterClass character_class(int32_t code);

void append_utf8(std::string& text, int32_t code);

/// As much of UTF-8 text as `most` bytes hold, no character cut in two.
std::string_view first_bytes(std::string_view text, size_t most);

/// The text with every byte that is no part of a character as U+FFFD. File names may be any bytes.
std::string valid_utf8(std::string_view text);

/// The value of a decimal digit of any script (Unicode's Nd), 0 to 9; -1 for other characters.
int digit_value(int32_t code);

}  // namespace drypoint

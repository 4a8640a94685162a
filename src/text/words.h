// White space and the ends of words, as Python's regular expressions see them (\s, \b).
#pragma once

#include <string_view>

namespace drypoint {

/// Text without white space at its end, or its beginning.
std::string_view without_space_after(std::string_view text);
std::string_view without_space_before(std::string_view text);

/// Where `word` stands as a word of its own, from `from` on; npos if nowhere.
size_t find_word(std::string_view text, std::string_view word, size_t from = 0);

/// The first character of the text, -1 where it has none or its bytes are none, and how many bytes
/// it has.
std::pair<int32_t, size_t> first_character(std::string_view text);

}  // namespace drypoint

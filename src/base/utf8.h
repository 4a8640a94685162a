// Bytes that may or may not be UTF-8: names of files, names in files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace drypoint {

/// How many bytes the first character of `text`, which is not empty, has; 0 if its bytes are none.
size_t character_length(std::string_view text);

/// Text out of a file, fit for a one-line message: cut after 200 bytes at most, with a question
/// mark for each control character and each byte that is not UTF-8.
std::string printable(std::string_view text);

/// The same, but of any length up to `longest` bytes; what is longer loses its middle. `longest` is
/// 16 or more.
std::string shortened(std::string_view text, size_t longest);

}  // namespace drypoint

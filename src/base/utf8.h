// Bytes that may or may not be UTF-8: names of files, names in files.
#pragma once

#include <cstddef>
#include <string_view>

namespace drypoint {

/// How many bytes the first character of `text`, which is not empty, has; 0 if its bytes are none.
size_t character_length(std::string_view text);

}  // namespace drypoint

// Text without what surrounds it.
#pragma once

#include <string_view>

namespace drypoint {

inline std::string_view trimmed(std::string_view text, std::string_view space = " \t\r\n\f\v") {
  const size_t begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

}  // namespace drypoint

#include "base/markup.h"

#include "base/utf8.h"

namespace drypoint {

std::string escaped(std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text.substr(at));
    const std::string_view character = text.substr(at, length);
    at += length > 0 ? length : 1;
    if (length != 1) {
      const bool is_none = character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf";  // U+FFFE, F
      result += length == 0 || is_none ? replacement : character;
      continue;
    }
    switch (const char c = character[0]) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\n': result += c; break;
      default: result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

}  // namespace drypoint

#include "base/markup.h"

namespace drypoint {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\n': result += c; break;
      default: result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  return result;
}

}  // namespace drypoint

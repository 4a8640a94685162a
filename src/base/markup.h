// Text within HTML, XML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace drypoint {

/// `text` as contents or attribute of an element. Control characters, which XML has no way to
/// write, become blanks, and bytes that are not UTF-8 U+FFFD.
std::string escaped(std::string_view text);

}  // namespace drypoint

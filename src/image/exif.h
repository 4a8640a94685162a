// The two EXIF entries that matter here: orientation in, user comment out.
#pragma once

#include <string>
#include <string_view>

namespace drypoint {

/// The orientation 1 to 8 in an EXIF block (a TIFF file, with or without "Exif\0\0" before it);
/// 1 if the block has none or is damaged.
int exif_orientation(std::string_view block);

/// A TIFF block whose only entry is the UserComment `text` (UTF-8), cut at 32,700 UTF-16 units.
std::string exif_comment(std::string_view text);

}  // namespace drypoint

// The EXIF entries that matter here: orientation and texts in, user comment out.
#pragma once

#include <string>
#include <string_view>

namespace drypoint {

/// The orientation 1 to 8 in an EXIF block (a TIFF file, with or without "Exif\0\0" before it);
/// 1 if the block has none or is damaged.
int exif_orientation(std::string_view block);

/// The UserComment, as UTF-8, and ComfyUI's graph, of which an entry begins with "prompt:". Empty
/// where there is none, or it is damaged.
struct ExifText {
  std::string comment, graph;
};
ExifText exif_text(std::string_view block);

/// A TIFF block whose only entry is the UserComment `text` (UTF-8), cut at 32,700 UTF-16 units.
std::string exif_comment(std::string_view text);

}  // namespace drypoint

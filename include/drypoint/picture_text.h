// What tools write into pictures beside the pixels.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace drypoint {

/// UTF-8; empty where there is none.
struct PictureText {
  /// Settings as the web UI and Drypoint write them: the PNG text "parameters", or the EXIF
  /// UserComment of JPEG and WebP.
  std::string parameters;
  /// ComfyUI's graph as JSON: the PNG text "prompt", or an EXIF text that begins so.
  std::string graph;

  bool operator==(const PictureText&) const = default;
};

/// Reads no pixels. Throws bad_file (missing, damaged, over 640 MiB, a text of over 16 MiB),
/// unsupported (another kind of picture).
PictureText read_picture_text(const std::filesystem::path& path);
/// The same for a file's bytes in memory; `name` stands for the file in messages.
PictureText read_picture_text(std::span<const std::byte> bytes, std::string_view name);

}  // namespace drypoint

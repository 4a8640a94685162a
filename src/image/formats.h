// One reader and one writer per picture format, and what they share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/image.h"
#include "drypoint/picture_text.h"

namespace drypoint {

/// A picture as its file holds it: 8 bits, before alpha and orientation are dealt with.
struct Decoded {
  int width = 0, height = 0;
  int channels = 3;             // RGB, or RGBA with alpha not multiplied in
  std::vector<uint8_t> pixels;  // height × width × channels
  int orientation = 1;          // EXIF's 1 to 8
  std::vector<std::string> notices;

  /// Makes room for the pixels. Call `check_size` first.
  void allocate() { pixels.resize(size_t(width) * size_t(height) * size_t(channels)); }
};

using Bytes = std::span<const std::byte>;

enum class PictureKind : uint8_t { png, jpeg, webp, pnm, other };
/// By a file's first bytes.
PictureKind kind_of(std::string_view file);

/// The largest picture's values of 16 bits each.
inline constexpr size_t most_picture_bytes = size_t{640} << 20;

Decoded decode_png(Bytes bytes, std::string_view name);
Decoded decode_jpeg(Bytes bytes, std::string_view name);
Decoded decode_webp(Bytes bytes, std::string_view name);
Decoded decode_pnm(Bytes bytes, std::string_view name);

PictureText texts_in_png(std::string_view file, std::string_view name);
/// The EXIF block, if there is one.
std::optional<std::string_view> jpeg_exif(std::string_view file);
std::optional<std::string_view> webp_exif(std::string_view file);

std::string encode_jpeg(const Image& image, std::string_view parameters);
std::string encode_webp(const Image& image, std::string_view parameters);

inline constexpr std::string_view readable_formats = "PNG, JPEG, WebP, PBM, PGM, PPM or PAM";
inline constexpr std::string_view how_to_convert =
    "convert it to PNG first, e.g. with ImageMagick (magick FILE out.png)";

/// Says what the file is that none of the above read. Throws unsupported, or bad_file where it is
/// no picture at all.
[[noreturn]] void refuse_other_format(std::string_view file, std::string_view name);

/// Refuses sizes that are not read, before anything is allocated.
void check_size(uint64_t width, uint64_t height, std::string_view name);

/// Refuses an image whose pixels do not fit its size.
void check_image(const Image& image);

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace drypoint

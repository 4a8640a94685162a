// Pictures in memory and in files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drypoint {

/// 8-bit pixels, row by row from the top, channels interleaved. Three channels are RGB (sRGB
/// values as they stand in the file; colour profiles are not applied), one channel is grey.
struct Image {
  int width = 0, height = 0, channels = 3;
  std::vector<uint8_t> pixels;  ///< height × width × channels

  bool operator==(const Image&) const = default;
};

struct ImageSize {
  int width = 0, height = 0;

  bool operator==(const ImageSize&) const = default;
};

/// The limits of what is read: sides in pixels, and pixels altogether.
inline constexpr int smallest_side = 16;
inline constexpr int64_t most_pixels = 100'000'000;

struct ReadImage {
  Image image;                       ///< always three channels
  std::vector<std::string> notices;  ///< what was left out, one line each, e.g. "a.png: has 16 ..."
  Image alpha = {0, 0, 1, {}};       ///< one channel, 255 is opaque; empty where all is
};

/// Reads PNG, JPEG, WebP, PBM, PGM, PPM (plain or binary) or PAM, by content. Grey is copied to
/// three channels, alpha composed over white and cut to 8 bits: `rgb·a + 255·(1−a)`; pictures are
/// turned as EXIF says. 16-bit, CMYK, palette, animated and endless ones are taken with a notice.
/// Throws bad_file (missing, no picture, damaged, truncated, a side under 16 pixels, over 100
/// megapixels or 640 MiB, seconds of work), unsupported (another kind of picture), out_of_memory.
ReadImage read_image(const std::filesystem::path& path);
/// The same for a file's bytes in memory; `name` stands for the file in messages.
ReadImage read_image(std::span<const std::byte> bytes, std::string_view name);

enum class ImageFormat { png, jpeg, webp };

/// The format that a file name's extension asks for: .png, .jpg, .jpeg, .webp in any case.
/// Throws bad_argument for any other.
ImageFormat image_format(const std::filesystem::path& path);

/// PNG text: pairs of keyword (1 to 79 Latin-1 characters) and UTF-8 text. Written as tEXt, or as
/// iTXt where the text is not Latin-1. Throws bad_argument for other keywords, and for text that is
/// not UTF-8 or holds a NUL.
using PngText = std::vector<std::pair<std::string, std::string>>;
std::string encode_png(const Image& image, const PngText& text = {});
void write_png(const std::filesystem::path& path, const Image& image, const PngText& text = {});

/// A whole file of this format. `parameters` (UTF-8, left out if empty) becomes the PNG text
/// "parameters", or the EXIF UserComment of JPEG and WebP, where it is cut at 32,700 UTF-16 units,
/// as much as JPEG can hold. JPEG and WebP are lossy, quality 95. Throws bad_argument.
std::string encode_image(const Image& image, ImageFormat format, std::string_view parameters = {});
/// The same, into a file, whole or not at all; the extension chooses the format. Throws
/// bad_argument, write_failed.
void write_image(const std::filesystem::path& path, const Image& image,
                 std::string_view parameters = {});

}  // namespace drypoint

#include <new>

#include "base/error.h"
#include "base/file.h"
#include "drypoint/image_stream.h"
#include "image/formats.h"

namespace drypoint {
namespace {

/// Over white, in float32 and truncated, as the reference does: the picture must be the same bytes.
void compose_over_white(std::vector<uint8_t>& pixels) {
  const size_t count = pixels.size() / 4;
  for (size_t i = 0; i < count; ++i) {
    const float alpha = float(pixels[4 * i + 3]) / 255.0f;
    const float white = 255.0f * (1.0f - alpha);
    for (size_t c = 0; c < 3; ++c) {
      const float value = float(pixels[4 * i + c]) * alpha + white;
      pixels[3 * i + c] = uint8_t(value < 255.0f ? value : 255.0f);
    }
  }
  pixels.resize(3 * count);
}

/// One channel of the pixels' four; empty where all is opaque.
Image alpha_of(const Decoded& picture) {
  Image alpha{picture.width, picture.height, 1, {}};
  bool opaque = true;
  for (size_t i = 3; i < picture.pixels.size(); i += 4) {
    alpha.pixels.push_back(picture.pixels[i]);
    opaque &= picture.pixels[i] == 255;
  }
  return opaque ? Image{0, 0, 1, {}} : alpha;
}

/// EXIF: from 5 on rows and columns are exchanged first; then the result is mirrored.
Image oriented(Image image, int orientation) {
  if (orientation == 1) return image;
  const bool exchanged = orientation >= 5;
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const auto channels = size_t(image.channels);
  Image out{exchanged ? image.height : image.width,
            exchanged ? image.width : image.height,
            image.channels,
            {}};
  out.pixels.resize(image.pixels.size());
  uint8_t* to = out.pixels.data();
  for (int row = 0; row < out.height; ++row)
    for (int column = 0; column < out.width; ++column) {
      const int x = mirror_x ? out.width - 1 - column : column;
      const int y = mirror_y ? out.height - 1 - row : row;
      const size_t from = exchanged ? size_t(x) * size_t(image.width) + size_t(y)
                                    : size_t(y) * size_t(image.width) + size_t(x);
      for (size_t c = 0; c < channels; ++c) *to++ = image.pixels[channels * from + c];
    }
  return out;
}

Decoded decode(Bytes bytes, std::string_view name) {
  switch (kind_of(as_text(bytes))) {
    case PictureKind::png: return decode_png(bytes, name);
    case PictureKind::jpeg: return decode_jpeg(bytes, name);
    case PictureKind::webp: return decode_webp(bytes, name);
    case PictureKind::pnm: return decode_pnm(bytes, name);
    case PictureKind::other: break;
  }
  refuse_other_format(as_text(bytes), name);
}

}  // namespace

PictureKind kind_of(std::string_view file) {
  const auto at = [&](size_t offset, std::string_view text) {
    return file.size() >= offset && file.substr(offset).starts_with(text);
  };
  if (at(0, "\x89PNG\r\n\x1a\n")) return PictureKind::png;
  if (at(0, "\xff\xd8\xff")) return PictureKind::jpeg;
  if (at(0, "RIFF") && at(8, "WEBP")) return PictureKind::webp;
  if (at(0, "P") && file.size() > 3 && file[1] >= '1' && file[1] <= '7' &&
      std::string_view(" \t\r\n#").find(file[2]) != std::string_view::npos)
    return PictureKind::pnm;
  return PictureKind::other;
}

void check_size(uint64_t width, uint64_t height, std::string_view name) {
  if (width < smallest_side || height < smallest_side)
    fail(ErrorKind::bad_file, "{}: has {}x{} pixels, expected at least {} on each side", name,
         width, height, smallest_side);
  // Neither side can be over the limit either, and so the product cannot overflow.
  if (width > most_pixels || height > most_pixels || width * height > most_pixels)
    fail(ErrorKind::bad_file, "{}: has {}x{} pixels, expected at most {} megapixels", name, width,
         height, most_pixels / 1'000'000);
}

void check_image(const Image& image) {
  if (image.width < 1 || image.height < 1 || (image.channels != 1 && image.channels != 3) ||
      image.pixels.size() / size_t(image.channels) / size_t(image.width) != size_t(image.height) ||
      image.pixels.size() % (size_t(image.channels) * size_t(image.width)) != 0)
    fail(ErrorKind::bad_argument,
         "image: {}x{} pixels of {} channels with {} values; expected 1 or 3 channels and all "
         "values",
         image.width, image.height, image.channels, image.pixels.size());
}

ReadImage read_image(std::span<const std::byte> bytes, std::string_view name) {
  try {
    Decoded picture = decode(bytes, name);
    Image alpha{0, 0, 1, {}};
    if (picture.channels == 4) {
      alpha = alpha_of(picture);
      compose_over_white(picture.pixels);
    }
    return {oriented({picture.width, picture.height, 3, std::move(picture.pixels)},
                     picture.orientation),
            std::move(picture.notices), oriented(std::move(alpha), picture.orientation)};
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::out_of_memory, "{}: there is not enough memory for the picture", name);
  }
}

ReadImage read_image(int descriptor, std::string_view name) {
  const std::string file =
      at_border(name, [&] { return read_stream(descriptor, name, most_picture_bytes); });
  return read_image(std::as_bytes(std::span(file)), name);
}

ReadImage read_image(const std::filesystem::path& path) {
  return read_image(Descriptor(path), path.string());
}

}  // namespace drypoint

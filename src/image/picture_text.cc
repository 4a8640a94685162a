#include "drypoint/picture_text.h"

#include "base/error.h"
#include "base/file.h"
#include "image/exif.h"
#include "image/formats.h"

namespace drypoint {
namespace {

PictureText of_exif(std::optional<std::string_view> block) {
  if (!block) return {};
  ExifText text = exif_text(*block);
  return {std::move(text.comment), std::move(text.graph)};
}

}  // namespace

PictureText read_picture_text(std::span<const std::byte> bytes, std::string_view name) {
  return at_border(name, [&]() -> PictureText {
    const std::string_view file = as_text(bytes);
    switch (kind_of(file)) {
      case PictureKind::png: return texts_in_png(file, name);
      case PictureKind::jpeg: return of_exif(jpeg_exif(file));
      case PictureKind::webp: return of_exif(webp_exif(file));
      case PictureKind::pnm: return {};
      case PictureKind::other: break;
    }
    refuse_other_format(file, name);
  });
}

PictureText read_picture_text(const std::filesystem::path& path) {
  return at_border(path.string(), [&] {
    const std::string file = read_stream(Descriptor(path), path.string(), most_picture_bytes);
    return read_picture_text(std::as_bytes(std::span(file)), path.string());
  });
}

}  // namespace drypoint

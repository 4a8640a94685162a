#include <cctype>
#include <new>

#include "base/error.h"
#include "base/file.h"
#include "image/formats.h"

namespace drypoint {

ImageFormat image_format(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = char(std::tolower(static_cast<unsigned char>(c)));
  if (extension == ".png") return ImageFormat::png;
  if (extension == ".jpg" || extension == ".jpeg") return ImageFormat::jpeg;
  if (extension == ".webp") return ImageFormat::webp;
  fail(ErrorKind::bad_argument,
       "{}: ends in \"{}\", expected a picture's .png, .jpg, .jpeg or .webp", path.string(),
       path.extension().string());
}

std::string encode_image(const Image& image, ImageFormat format, std::string_view parameters) {
  check_image(image);
  try {
    switch (format) {
      case ImageFormat::jpeg: return encode_jpeg(image, parameters);
      case ImageFormat::webp: return encode_webp(image, parameters);
      case ImageFormat::png: break;
    }
    if (parameters.empty()) return encode_png(image);
    return encode_png(image, {{"parameters", std::string(parameters)}});
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::out_of_memory, "there is not enough memory to encode {}x{} pixels", image.width,
         image.height);
  }
}

void write_image(const std::filesystem::path& path, const Image& image,
                 std::string_view parameters) {
  write_file(path, encode_image(image, image_format(path), parameters));
}

}  // namespace drypoint

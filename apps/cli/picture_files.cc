#include "picture_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "drypoint/error.h"
#include "drypoint/image_stream.h"

namespace drypoint::cli {

ReadImage read_picture(std::string_view option, const std::filesystem::path& path) {
  if (!is_standard(path)) return read_image(path);
  if (::isatty(STDIN_FILENO))
    throw Error(
        ErrorKind::bad_file,
        fmt::format("{}: -: standard input is a terminal, expected a picture from a pipe or "
                    "a file",
                    option));
  return read_image(STDIN_FILENO, "standard input");
}

void PictureSet::add(const std::filesystem::path& path, const Image& image,
                     std::string_view parameters) {
  if (is_standard(path))
    standard_output_ = encode_image(image, ImageFormat::png, parameters);
  else
    files_.add(path, encode_image(image, image_format(path), parameters));
}

void PictureSet::commit() {
  const std::string& text = standard_output_;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(ErrorKind::write_failed, "standard output: cannot be written");
  files_.commit();
}

}  // namespace drypoint::cli

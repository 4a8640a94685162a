// PGM and PPM in their binary forms: https://netpbm.sourceforge.net/doc/ppm.html
#include <cstring>

#include "base/error.h"
#include "image/formats.h"

namespace drypoint {
namespace {

bool is_space(char c) { return std::strchr(" \t\n\v\f\r", c) && c != '\0'; }

/// The next number of the header, after white space and comments.
uint64_t next_number(std::string_view file, size_t& at, std::string_view name) {
  while (at < file.size() && (is_space(file[at]) || file[at] == '#'))
    if (file[at] == '#')
      at = std::min(file.find('\n', at), file.size());
    else
      ++at;
  uint64_t value = 0;
  const size_t begin = at;
  for (; at < file.size() && at < begin + 10 && file[at] >= '0' && file[at] <= '9'; ++at)
    value = value * 10 + uint64_t(file[at] - '0');
  if (at == begin || at >= file.size() || !is_space(file[at]))
    fail(ErrorKind::bad_file, "{}: is a damaged {}: no number at byte {} of its header", name,
         file[1] == '5' ? "PGM" : "PPM", begin);
  return value;
}

}  // namespace

Decoded decode_pnm(Bytes bytes, std::string_view name) {
  const std::string_view file = as_text(bytes);
  const size_t channels = file[1] == '5' ? 1 : 3;
  size_t at = 2;
  const uint64_t width = next_number(file, at, name), height = next_number(file, at, name),
                 largest = next_number(file, at, name);
  check_size(width, height, name);
  if (largest < 1 || largest > 65535)
    fail(ErrorKind::bad_file, "{}: has a largest value of {}, expected 1 to 65535", name, largest);
  const size_t width_of_value = largest > 255 ? 2 : 1;
  ++at;
  const size_t values = width * height * channels;
  if (file.size() - at < values * width_of_value)
    fail(ErrorKind::bad_file, "{}: is truncated: has {} bytes of pixels, expected {}", name,
         file.size() - at, values * width_of_value);

  Decoded picture;
  picture.width = int(width), picture.height = int(height);
  if (width_of_value == 2)
    picture.notices.push_back(fmt::format("{}: has 16 bits per channel, rounded to 8", name));
  picture.allocate();
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const size_t from = at + (channels == 1 ? i / 3 : i) * width_of_value;
    uint64_t value = uint8_t(file[from]);
    if (width_of_value == 2) value = value << 8 | uint8_t(file[from + 1]);
    picture.pixels[i] = uint8_t((std::min(value, largest) * 255 + largest / 2) / largest);
  }
  return picture;
}

}  // namespace drypoint

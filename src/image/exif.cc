#include "image/exif.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"

namespace drypoint {
namespace {

constexpr std::string_view prefix{"Exif\0\0", 6};

/// Big- or little-endian numbers at checked offsets; 0 beyond the end.
struct Tiff {
  std::string_view bytes;
  bool little;

  uint32_t number(size_t offset, size_t width) const {
    if (offset > bytes.size() || bytes.size() - offset < width) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < width; ++i)
      value = value << 8 | uint8_t(bytes[offset + (little ? width - 1 - i : i)]);
    return value;
  }
};

void append(std::string& out, uint32_t value, int width) {
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) out.push_back(char(value >> shift));
}

void append_entry(std::string& out, uint32_t tag, uint32_t type, size_t count, uint32_t value) {
  append(out, tag, 2);
  append(out, type, 2);
  append(out, uint32_t(count), 4);
  append(out, value, 4);
}

std::string utf16(std::string_view text, size_t most_units) {
  std::string out;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = utf8proc_ssize_t(text.size());
  while (left > 0) {
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(at, left, &code);
    if (length <= 0)
      fail(ErrorKind::bad_argument, "parameters: byte {} is not UTF-8", text.size() - size_t(left));
    if (out.size() / 2 + (code > 0xffff ? 2 : 1) > most_units) break;
    if (code > 0xffff) {
      append(out, 0xd800u + (uint32_t(code - 0x10000) >> 10), 2);
      append(out, 0xdc00u + (uint32_t(code) & 0x3ff), 2);
    } else {
      append(out, uint32_t(code), 2);
    }
    at += length, left -= length;
  }
  return out;
}

}  // namespace

int exif_orientation(std::string_view block) {
  if (block.starts_with(prefix)) block.remove_prefix(prefix.size());
  if (!block.starts_with(std::string_view("MM\0*", 4)) &&
      !block.starts_with(std::string_view("II*\0", 4)))
    return 1;
  const Tiff tiff{block, block[0] == 'I'};
  const size_t directory = tiff.number(4, 4);
  const size_t room = directory < block.size() ? (block.size() - directory) / 12 : 0;
  const size_t count = std::min<size_t>(tiff.number(directory, 2), room);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    constexpr uint32_t orientation_tag = 0x0112, type_short = 3;
    if (tiff.number(entry, 2) != orientation_tag || tiff.number(entry + 2, 2) != type_short)
      continue;
    const uint32_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

std::string exif_comment(std::string_view text) {
  constexpr uint32_t exif_directory = 0x8769, user_comment = 0x9286, type_long = 4, type_bytes = 7;
  const std::string comment = std::string("UNICODE\0", 8) + utf16(text, 32'700);
  std::string out("MM\0*", 4);
  append(out, 8, 4);  // offset of the first directory: one entry and the end mark are 18 bytes
  append(out, 1, 2);
  append_entry(out, exif_directory, type_long, 1, 26);
  append(out, 0, 4);
  append(out, 1, 2);  // the second, at 26
  append_entry(out, user_comment, type_bytes, comment.size(), 44);
  append(out, 0, 4);
  return out + comment;  // at 44
}

}  // namespace drypoint

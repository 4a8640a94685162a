#include "image/exif.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/error.h"

namespace drypoint {
namespace {

constexpr std::string_view prefix{"Exif\0\0", 6};
constexpr uint32_t exif_directory = 0x8769, user_comment = 0x9286;

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
  /// Where the entry of this tag begins in the directory at this offset.
  std::optional<size_t> find(size_t directory, uint32_t tag) const {
    const size_t room = directory < bytes.size() ? (bytes.size() - directory) / 12 : 0;
    const size_t count = std::min<size_t>(number(directory, 2), room);
    for (size_t i = 0; i < count; ++i)
      if (const size_t entry = directory + 2 + 12 * i; number(entry, 2) == tag) return entry;
    return std::nullopt;
  }
  /// What an entry of bytes holds; empty beyond the end.
  std::string_view bytes_of(size_t entry) const {
    const size_t count = number(entry + 4, 4);
    const size_t at = count <= 4 ? entry + 8 : number(entry + 8, 4);
    return at <= bytes.size() && bytes.size() - at >= count ? bytes.substr(at, count)
                                                            : std::string_view();
  }
};

std::optional<Tiff> tiff_of(std::string_view block) {
  if (block.starts_with(prefix)) block.remove_prefix(prefix.size());
  if (!block.starts_with(std::string_view("MM\0*", 4)) &&
      !block.starts_with(std::string_view("II*\0", 4)))
    return std::nullopt;
  return Tiff{block, block[0] == 'I'};
}

void append_utf8(std::string& out, uint32_t code) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(utf8proc_int32_t(code), bytes);
  out.append(reinterpret_cast<const char*>(bytes), size_t(length));
}

/// UTF-16 to UTF-8; halves of pairs become question marks. Its order of bytes is told by a mark, or
/// else by where most of the zeros of Latin text lie: EXIF leaves it open, and tools differ.
std::string utf8_of_utf16(std::string_view text) {
  size_t zeros[2] = {0, 0};
  for (size_t i = 0; i < text.size(); ++i) zeros[i % 2] += text[i] == 0;
  bool little = zeros[1] > zeros[0];
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    little = text[0] == '\xff';
    text.remove_prefix(2);
  }
  const Tiff numbers{text, little};
  std::string out;
  for (size_t at = 0; at + 2 <= text.size(); at += 2) {
    uint32_t code = numbers.number(at, 2);
    if (code == 0) break;
    const uint32_t low = numbers.number(at + 2, 2);
    if (code >= 0xd800 && code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
      at += 2;
    }
    append_utf8(out, code >= 0xd800 && code < 0xe000 ? '?' : code);
  }
  return out;
}

/// A comment begins with eight bytes that name its characters.
std::string comment_text(std::string_view comment) {
  if (comment.size() < 8) return {};
  const std::string_view kind = comment.substr(0, 8), text = comment.substr(8);
  if (kind.starts_with("UNICODE")) return utf8_of_utf16(text);
  return std::string(text.substr(0, text.find('\0')));
}

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
  const auto tiff = tiff_of(block);
  if (!tiff) return 1;
  const auto entry = tiff->find(tiff->number(4, 4), 0x0112);
  constexpr uint32_t type_short = 3;
  if (!entry || tiff->number(*entry + 2, 2) != type_short) return 1;
  const uint32_t value = tiff->number(*entry + 8, 2);
  return value >= 1 && value <= 8 ? int(value) : 1;
}

ExifText exif_text(std::string_view block) {
  const auto tiff = tiff_of(block);
  if (!tiff) return {};
  ExifText text;
  const uint32_t first = tiff->number(4, 4);
  for (const uint32_t tag : {0x010e, 0x010f, 0x0110})  // description, make, model
    if (const auto entry = tiff->find(first, tag); entry && text.graph.empty()) {
      constexpr std::string_view mark = "prompt:";
      std::string_view value = tiff->bytes_of(*entry);
      if (!value.starts_with(mark)) continue;
      value = value.substr(mark.size());
      text.graph = value.substr(0, value.find('\0'));
    }
  if (const auto exif = tiff->find(first, exif_directory))
    if (const auto entry = tiff->find(tiff->number(*exif + 8, 4), user_comment))
      text.comment = comment_text(tiff->bytes_of(*entry));
  return text;
}

std::string exif_comment(std::string_view text) {
  constexpr uint32_t type_long = 4, type_bytes = 7;
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

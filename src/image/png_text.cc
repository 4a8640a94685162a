// The texts in a PNG: https://www.w3.org/TR/png-3/#11textinfo
#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "image/formats.h"

namespace drypoint {
namespace {

constexpr size_t most_text = size_t{16} << 20;

uint32_t big_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | uint8_t(bytes[at + i]);
  return value;
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x80) out.push_back(char(0xc0 | code >> 6));
    out.push_back(code < 0x80 ? c : char(0x80 | (code & 0x3f)));
  }
  return out;
}

[[noreturn]] void damaged(std::string_view name, std::string_view keyword) {
  fail(ErrorKind::bad_file, "{}: its text \"{}\" is damaged", name, keyword);
}

std::string inflated(std::string_view packed, std::string_view name, std::string_view keyword) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::array<char, 16384> part;
  int state = Z_OK;
  while (state == Z_OK && text.size() <= most_text) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = part.size();
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(part.data(), part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (text.size() > most_text)
    fail(ErrorKind::bad_file, "{}: its text \"{}\" has over {} MiB", name, keyword,
         most_text >> 20);
  if (state != Z_STREAM_END) damaged(name, keyword);
  return text;
}

/// What stands before the next NUL, which is taken away with it.
std::string_view cut_at_nul(std::string_view& rest, std::string_view name,
                            std::string_view keyword) {
  const size_t nul = rest.find('\0');
  if (nul == rest.npos) damaged(name, keyword);
  const std::string_view before = rest.substr(0, nul);
  rest.remove_prefix(nul + 1);
  return before;
}

/// The text of a chunk of this type, after its keyword and the NUL.
std::string text_of(std::string_view type, std::string_view rest, std::string_view name,
                    std::string_view keyword) {
  if (type == "tEXt") return utf8_of_latin1(rest);
  if (type == "zTXt") {
    if (rest.empty() || rest[0] != 0) damaged(name, keyword);
    return utf8_of_latin1(inflated(rest.substr(1), name, keyword));
  }
  if (rest.size() < 2 || (rest[0] == 1 && rest[1] != 0)) damaged(name, keyword);
  const bool packed = rest[0] == 1;
  rest.remove_prefix(2);
  cut_at_nul(rest, name, keyword);  // language
  cut_at_nul(rest, name, keyword);  // the keyword in it
  return packed ? inflated(rest, name, keyword) : std::string(rest);
}

}  // namespace

PictureText texts_in_png(std::string_view file, std::string_view name) {
  PictureText found;
  for (size_t at = 8; at + 12 <= file.size();) {
    const size_t length = big_endian(file, at);
    if (length > file.size() - at - 12) break;
    const std::string_view type = file.substr(at + 4, 4);
    std::string_view body = file.substr(at + 8, length);
    const size_t chunk = at;
    at += 12 + length;
    if (type == "IEND") break;
    if (type != "tEXt" && type != "zTXt" && type != "iTXt") continue;
    const size_t nul = body.find('\0');
    if (nul == body.npos) continue;
    const std::string_view keyword = body.substr(0, nul);
    std::string* into = keyword == "parameters" ? &found.parameters
                        : keyword == "prompt"   ? &found.graph
                                                : nullptr;
    if (!into || !into->empty()) continue;
    if (length > most_text)
      fail(ErrorKind::bad_file, "{}: its text \"{}\" has over {} MiB", name, keyword,
           most_text >> 20);
    const auto* checked = reinterpret_cast<const Bytef*>(file.data() + chunk + 4);
    if (crc32(0, checked, static_cast<uInt>(length + 4)) != big_endian(file, at - 4))
      damaged(name, keyword);
    *into = text_of(type, body.substr(nul + 1), name, keyword);
  }
  return found;
}

}  // namespace drypoint

#include <fmt/format.h>
#include <png.h>
#include <utf8proc.h>
#include <zlib.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "image/exif.h"
#include "image/formats.h"

namespace drypoint {
namespace {

/// What libpng's callbacks need. They know C only, so nothing here may throw.
struct Session {
  char message[160] = "";
  const std::byte* data = nullptr;  // what is left to read
  size_t left = 0;
  bool truncated = false;
  std::string* out = nullptr;  // where to write
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* session = static_cast<Session*>(png_get_error_ptr(png));
  std::snprintf(session->message, sizeof session->message, "%s", message);
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  if (count > session->left) {
    session->truncated = true;
    png_error(png, "it is truncated");
  }
  std::memcpy(to, session->data, count);
  session->data += count, session->left -= count;
}

void write_bytes(png_structp png, png_bytep from, size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  bool done = true;
  try {
    session->out->append(reinterpret_cast<const char*>(from), count);
  } catch (...) {
    done = false;
  }
  if (!done) png_error(png, "out of memory");
}

/// Runs `step`; false if libpng gave up, which jumps out of it: `step` must own nothing.
template <class Step>
bool guarded(png_structp png, const Step& step) {
  if (setjmp(png_jmpbuf(png))) return false;  // NOLINT: libpng knows no other way
  step();
  return true;
}

struct PngReader {
  Session session;
  png_structp png = nullptr;
  png_infop info = nullptr;

  PngReader() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session, on_error, ignore_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

struct PngWriter {
  Session session;
  png_structp png = nullptr;
  png_infop info = nullptr;

  PngWriter() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &session, on_error, ignore_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) {
      png_destroy_write_struct(&png, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
};

/// Whether the last row of the last pass has been read, whatever failed then.
bool has_all_rows(png_structp png, png_infop info) {
  constexpr int passes = 7;
  return png_get_interlace_type(png, info) == PNG_INTERLACE_NONE
             ? png_get_current_row_number(png) >= png_get_image_height(png, info)
             : png_get_current_pass_number(png) >= passes;
}

/// The two chunks that libpng does not hand us everywhere: animation control, and EXIF.
void read_extra_chunks(std::string_view file, std::string_view name, Decoded& picture) {
  constexpr int most_chunks = 1'000'000;  // of 8 KiB, as libpng writes them: ten times the largest
  bool before_pixels = true, animated = false, oriented = false;
  int chunks = 0;
  for (size_t at = 8; at + 12 <= file.size();) {
    if (++chunks > most_chunks)
      fail(ErrorKind::bad_file, "{}: has over {} chunks", name, most_chunks);
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | uint8_t(file[at + i]);
    if (length > file.size() - at - 12) break;  // libpng will say so
    const std::string_view type = file.substr(at + 4, 4), body = file.substr(at + 8, length);
    if (type == "IDAT") before_pixels = false;
    if (type == "acTL" && before_pixels) animated = true;
    if (type == "eXIf" && !std::exchange(oriented, true))
      picture.orientation = exif_orientation(body);
    at += 12 + length;
  }
  if (animated)
    picture.notices.push_back(fmt::format("{}: is animated, only its first frame is used", name));
}

/// The UTF-8 text in Latin-1, if it can be.
std::optional<std::string> to_latin1(std::string_view text, std::string_view what) {
  std::string out;
  bool fits = true;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t done = 0; done < text.size();) {
    utf8proc_int32_t code = 0;
    const auto length = utf8proc_iterate(at + done, utf8proc_ssize_t(text.size() - done), &code);
    if (length <= 0 || code == 0)
      fail(ErrorKind::bad_argument, "PNG text {}: byte {} is not UTF-8 text", what, done);
    fits = fits && code <= 0xff;
    out.push_back(char(code));
    done += size_t(length);
  }
  if (!fits) return std::nullopt;
  return out;
}

/// Texts in the form that libpng wants, which borrows the strings.
struct Texts {
  std::vector<std::string> strings;
  std::vector<png_text> entries;

  explicit Texts(const PngText& text) {
    strings.reserve(2 * text.size());
    for (const auto& [keyword, value] : text) {
      const auto latin1_keyword = to_latin1(keyword, "keyword"), latin1 = to_latin1(value, keyword);
      if (!latin1_keyword || latin1_keyword->empty() || latin1_keyword->size() > 79)
        fail(ErrorKind::bad_argument,
             "PNG text keyword \"{}\": expected 1 to 79 Latin-1 characters", keyword);
      const bool fits = latin1.has_value();
      strings.push_back(*latin1_keyword);
      strings.push_back(fits ? *latin1 : value);
      png_text entry{};
      entry.compression = fits ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
      entry.key = strings[strings.size() - 2].data();
      entry.text = strings.back().data();
      (fits ? entry.text_length : entry.itxt_length) = strings.back().size();
      entries.push_back(entry);
    }
  }
};

}  // namespace

Decoded decode_png(Bytes bytes, std::string_view name) {
  PngReader reader;
  Session& session = reader.session;
  png_structp png = reader.png;
  png_infop info = reader.info;
  session.data = bytes.data(), session.left = bytes.size();
  const auto check = [&](bool done) {
    if (!done) fail(ErrorKind::bad_file, "{}: is a damaged PNG: {}", name, session.message);
  };

  check(guarded(png, [&] {
    // Text, profiles and the like stay unread, so that they cannot unpack to gigabytes.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);  // `check_size` says it better
    png_set_read_fn(png, &session, read_bytes);
    png_read_info(png, info);
  }));
  Decoded picture;
  check_size(png_get_image_width(png, info), png_get_image_height(png, info), name);
  picture.width = int(png_get_image_width(png, info));
  picture.height = int(png_get_image_height(png, info));
  constexpr uint64_t most_raw = 600'000'000;  // 100 megapixels of 16-bit RGB; 5 ns each
  const uint64_t raw = uint64_t{png_get_rowbytes(png, info)} * uint64_t(picture.height);
  if (raw > most_raw)
    fail(ErrorKind::bad_file, "{}: holds {} MB of pixels, expected at most {}", name,
         raw / 1'000'000, most_raw / 1'000'000);
  // Deflate packs at most 1032 : 1.
  if (raw / 1032 > bytes.size())
    fail(ErrorKind::bad_file, "{}: says it has {}x{} pixels, more than its {} bytes can hold", name,
         picture.width, picture.height, bytes.size());
  if (png_get_bit_depth(png, info) == 16)
    picture.notices.push_back(fmt::format("{}: has 16 bits per channel, rounded to 8", name));
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE)
    picture.notices.push_back(fmt::format("{}: has a palette, taken as full colour", name));
  read_extra_chunks(as_text(bytes), name, picture);

  check(guarded(png, [&] {
    png_set_expand(png);  // palette, few bits, and transparent colours
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
  }));
  picture.channels = png_get_channels(png, info);
  picture.allocate();
  std::vector<png_bytep> rows(size_t(picture.height));
  for (size_t y = 0; y < rows.size(); ++y)
    rows[y] = picture.pixels.data() + y * size_t(picture.width) * size_t(picture.channels);
  const bool ended = guarded(png, [&] {
    png_read_image(png, rows.data());
    png_read_end(png, nullptr);
  });
  // An interrupted download, of which nothing but the end is lost.
  if (!ended && session.truncated && has_all_rows(png, info))
    picture.notices.push_back(
        fmt::format("{}: lacks its end, but all of its pixels are there", name));
  else
    check(ended);
  return picture;
}

namespace {

std::string encode(const Image& image, const PngText& text) {
  check_image(image);
  Texts texts(text);
  std::string out;
  PngWriter writer;
  writer.session.out = &out;
  png_structp png = writer.png;
  png_infop info = writer.info;
  const size_t stride = size_t(image.width) * size_t(image.channels);
  const bool done = guarded(png, [&] {
    png_set_write_fn(png, &writer.session, write_bytes, nullptr);
    png_set_IHDR(png, info, png_uint_32(image.width), png_uint_32(image.height), 8,
                 image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    // After libpng's filters pictures hold next to no matches: a search for them takes four fifths
    // of the time and saves one byte in a hundred.
    png_set_compression_strategy(png, Z_RLE);
    if (!texts.entries.empty())
      png_set_text(png, info, texts.entries.data(), int(texts.entries.size()));
    png_write_info(png, info);
    for (int y = 0; y < image.height; ++y)
      png_write_row(png, image.pixels.data() + size_t(y) * stride);
    png_write_end(png, nullptr);
  });
  if (!done) fail(ErrorKind::out_of_memory, "writing a PNG: {}", writer.session.message);
  return out;
}

}  // namespace

std::string encode_png(const Image& image, const PngText& text) {
  return at_border("writing a PNG", [&] { return encode(image, text); });
}

void write_png(const std::filesystem::path& path, const Image& image, const PngText& text) {
  write_file(path, encode_png(image, text));
}

}  // namespace drypoint

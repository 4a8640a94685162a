#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

#include <jpeglib.h>  // needs cstdio before it

#include <jerror.h>

#include "base/error.h"
#include "image/exif.h"
#include "image/formats.h"

namespace drypoint {
namespace {

/// libjpeg's error manager, extended. Its callbacks know C only, so nothing here may throw.
struct Errors {
  jpeg_error_mgr manager;  // first, so that libjpeg's pointer to it points to us
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  int code = 0;            // libjpeg's, of `message`
  bool lacks_end = false;  // the data ended without an end mark
  bool may_lack_end = false;
  bool in_scans = false;  // reading them all, before any pixel
  uint64_t work = 0;      // nanoseconds, about
  size_t bytes_left = 0;
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  jpeg->err->format_message(jpeg, errors->message);
  errors->code = jpeg->err->msg_code;
  std::longjmp(errors->jump, 1);  // NOLINT: libjpeg knows no other way
}

/// libjpeg goes on with grey where data is missing; such a picture is not what the user meant.
void on_message(j_common_ptr jpeg, int level) {
  if (level != -1) return;
  const int code = jpeg->err->msg_code;
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  if (code == JWRN_JPEG_EOF && errors->may_lack_end)
    errors->lacks_end = true;  // if more than the mark is lacking, JWRN_HIT_MARKER follows
  else if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE)
    jpeg->err->error_exit(jpeg);
}

/// Nanoseconds of decoding, about: of each value of a pixel, each byte, and each block in a scan.
/// Huffman codes skip empty blocks, but a scan that refines looks at each coefficient.
constexpr uint64_t most_work = 4'500'000'000, work_of_value = 3, work_of_byte = 16;
constexpr uint64_t arithmetic_work(uint64_t coefficients) { return 40 + 15 * coefficients; }
constexpr uint64_t huffman_work(uint64_t coefficients, bool refines) {
  return 25 + (refines ? 2 * coefficients : 0);
}

/// A few bytes per scan can ask for passes over the whole picture. Called before each row of blocks
/// of each scan, and then for each row of pixels.
void on_progress(j_common_ptr common) {
  auto& jpeg = *reinterpret_cast<j_decompress_ptr>(common);
  auto* errors = reinterpret_cast<Errors*>(common->err);
  constexpr int most_scans = 100;
  const auto& first = *jpeg.cur_comp_info[0];
  const size_t left = jpeg.src->bytes_in_buffer;
  const uint64_t blocks = jpeg.comps_in_scan == 1
                              ? uint64_t{first.width_in_blocks} * uint64_t(first.v_samp_factor)
                              : uint64_t{jpeg.MCUs_per_row} * uint64_t(jpeg.blocks_in_MCU);
  const auto coefficients = uint64_t(jpeg.Se) + 1 - uint64_t(jpeg.Ss);
  if (errors->in_scans)
    errors->work += blocks * (jpeg.arith_code ? arithmetic_work(coefficients)
                                              : huffman_work(coefficients, jpeg.Ah > 0));
  errors->work += work_of_byte * (errors->bytes_left - std::min(errors->bytes_left, left));
  errors->bytes_left = left;
  if (jpeg.input_scan_number > most_scans)
    std::snprintf(errors->message, sizeof errors->message, "it has over %d scans", most_scans);
  else if (errors->work > most_work)
    std::snprintf(errors->message, sizeof errors->message,
                  "its data (%d scans or more) are too much work for a picture",
                  jpeg.input_scan_number);
  else
    return;
  std::longjmp(errors->jump, 1);  // NOLINT
}

/// Kinds of JPEG that libjpeg knows of and does not read.
bool is_unsupported(int code) {
  return code == JERR_SOF_UNSUPPORTED || code == JERR_BAD_PRECISION ||
         code == JERR_CONVERSION_NOTIMPL || code == JERR_ARITH_NOTIMPL ||
         code == JERR_FRACT_SAMPLE_NOTIMPL || code == JERR_CCIR601_NOTIMPL ||
         code == JERR_NOT_COMPILED || code == JERR_COMPONENT_COUNT;
}

void install(Errors& errors, jpeg_common_struct& jpeg) {
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = on_error;
  errors.manager.emit_message = on_message;
}

/// Runs `step`; false if libjpeg gave up, which jumps out of it: `step` must own nothing.
template <class Step>
bool guarded(Errors& errors, const Step& step) {
  if (setjmp(errors.jump)) return false;  // NOLINT
  step();
  return true;
}

struct JpegReader {
  Errors errors;
  jpeg_progress_mgr progress{};
  jpeg_decompress_struct jpeg{};

  ~JpegReader() { jpeg_destroy_decompress(&jpeg); }
};

struct JpegWriter {
  Errors errors;
  jpeg_compress_struct jpeg{};
  unsigned char* out = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type

  ~JpegWriter() {
    jpeg_destroy_compress(&jpeg);
    std::free(out);
  }
};

/// Adobe's CMYK, which is what JPEG files hold, has 255 for no ink: each colour is ink × black.
void cmyk_to_rgb(std::vector<uint8_t>& pixels) {
  const size_t count = pixels.size() / 4;
  for (size_t i = 0; i < count; ++i) {
    const int black = pixels[4 * i + 3];
    for (size_t c = 0; c < 3; ++c)
      pixels[3 * i + c] = uint8_t((pixels[4 * i + c] * black + 127) / 255);
  }
  pixels.resize(3 * count);
}

/// What can be said before anything is allocated. Pictures of several scans are held as
/// coefficients until the last is read; those of one are read in one go, without `on_progress`.
void check_cost(const jpeg_decompress_struct& jpeg, size_t channels, bool several_scans,
                size_t file_bytes, std::string_view name) {
  constexpr uint64_t most_bytes = 1'400'000'000;
  uint64_t bytes = uint64_t{jpeg.image_width} * jpeg.image_height * channels + file_bytes;
  uint64_t blocks = 0;
  for (int i = 0; i < jpeg.num_components; ++i)
    blocks += uint64_t{jpeg.comp_info[i].width_in_blocks} * jpeg.comp_info[i].height_in_blocks;
  if (several_scans) bytes += blocks * sizeof(JBLOCK);
  if (bytes > most_bytes)
    fail(ErrorKind::bad_file, "{}: takes {} MB to decode, expected at most {}", name,
         bytes / 1'000'000, most_bytes / 1'000'000);
  if (jpeg.arith_code && blocks * arithmetic_work(DCTSIZE2) > most_work)
    fail(ErrorKind::bad_file,
         "{}: its {}x{} pixels are too much work to decode in arithmetic codes", name,
         jpeg.image_width, jpeg.image_height);
}

}  // namespace

/// In the first such marker before the picture's data.
std::optional<std::string_view> jpeg_exif(std::string_view file) {
  const auto byte = [&](size_t at) { return size_t{uint8_t(file[at])}; };
  for (size_t at = 2; at + 4 <= file.size() && byte(at) == 0xff;) {
    const size_t marker = byte(at + 1), length = byte(at + 2) << 8 | byte(at + 3);
    if (marker == 0xff) {  // may be repeated
      ++at;
      continue;
    }
    if (marker == 0xda || length < 2) break;
    const std::string_view body = file.substr(at + 4, length - 2);
    if (marker == 0xe1 && body.starts_with("Exif")) return body;
    at += 2 + length;
  }
  return std::nullopt;
}

Decoded decode_jpeg(Bytes bytes, std::string_view name) {
  JpegReader reader;
  auto& jpeg = reader.jpeg;
  install(reader.errors, reinterpret_cast<jpeg_common_struct&>(jpeg));
  const auto check = [&](bool done) {
    if (done) return;
    const Errors& errors = reader.errors;
    if (errors.code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
    if (is_unsupported(errors.code))
      fail(ErrorKind::unsupported, "{}: is a JPEG of a kind that is not read ({}); {}", name,
           errors.message, how_to_convert);
    fail(ErrorKind::bad_file, "{}: is a damaged JPEG: {}", name, errors.message);
  };

  check(guarded(reader.errors, [&] {
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&jpeg, TRUE);
  }));
  check_size(jpeg.image_width, jpeg.image_height, name);
  Decoded picture;
  picture.width = int(jpeg.image_width), picture.height = int(jpeg.image_height);
  // A Huffman code has at least one bit per block, and sampling factors leave at least one block
  // for 128 pixels.
  if (!jpeg.arith_code && uint64_t{jpeg.image_width} * jpeg.image_height / 1024 > bytes.size())
    fail(ErrorKind::bad_file, "{}: says it has {}x{} pixels, more than its {} bytes can hold", name,
         picture.width, picture.height, bytes.size());
  if (const auto exif = jpeg_exif(as_text(bytes))) picture.orientation = exif_orientation(*exif);
  const bool cmyk = jpeg.num_components == 4;
  if (cmyk) picture.notices.push_back(fmt::format("{}: is CMYK, converted to RGB", name));
  picture.channels = cmyk ? 4 : 3;
  const bool several_scans = jpeg_has_multiple_scans(&jpeg);
  check_cost(jpeg, size_t(picture.channels), several_scans, bytes.size(), name);
  // Where there is one scan alone, its data say whether they are whole.
  reader.errors.may_lack_end = !several_scans && !jpeg.arith_code;
  picture.allocate();
  check(guarded(reader.errors, [&] {
    jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    reader.progress.progress_monitor = on_progress;
    reader.errors.bytes_left = jpeg.src->bytes_in_buffer;
    reader.errors.work = work_of_value * picture.pixels.size();
    reader.errors.in_scans = several_scans;
    jpeg.progress = &reader.progress;
    jpeg_start_decompress(&jpeg);
    reader.errors.in_scans = false;
    const size_t stride = size_t(picture.width) * size_t(picture.channels);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = picture.pixels.data() + jpeg.output_scanline * stride;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
  }));
  if (reader.errors.lacks_end)
    picture.notices.push_back(
        fmt::format("{}: lacks its end, but all of its pixels are there", name));
  if (cmyk) {
    cmyk_to_rgb(picture.pixels);
    picture.channels = 3;
  }
  return picture;
}

std::string encode_jpeg(const Image& image, std::string_view parameters) {
  constexpr int longest_side = 65500;
  if (std::max(image.width, image.height) > longest_side)
    fail(ErrorKind::bad_argument, "a JPEG of {}x{} pixels: sides can be {} at most", image.width,
         image.height, longest_side);
  const std::string exif =
      parameters.empty() ? "" : std::string("Exif\0\0", 6) + exif_comment(parameters);
  JpegWriter writer;
  auto& jpeg = writer.jpeg;
  install(writer.errors, reinterpret_cast<jpeg_common_struct&>(jpeg));
  const bool done = guarded(writer.errors, [&] {
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &writer.out, &writer.size);
    jpeg.image_width = JDIMENSION(image.width);
    jpeg.image_height = JDIMENSION(image.height);
    jpeg.input_components = image.channels;
    jpeg.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    // Thin coloured lines suffer most from halved colour.
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&jpeg, TRUE);
    if (!exif.empty())
      jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(exif.data()),
                        unsigned(exif.size()));
    const size_t stride = size_t(image.width) * size_t(image.channels);
    while (jpeg.next_scanline < jpeg.image_height) {
      auto* row = const_cast<JSAMPROW>(image.pixels.data() + jpeg.next_scanline * stride);
      jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
  });
  if (!done) fail(ErrorKind::out_of_memory, "writing a JPEG: {}", writer.errors.message);
  return {reinterpret_cast<const char*>(writer.out), writer.size};
}

}  // namespace drypoint

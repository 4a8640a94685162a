#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

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
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  jpeg->err->format_message(jpeg, errors->message);
  std::longjmp(errors->jump, 1);  // NOLINT: libjpeg knows no other way
}

/// libjpeg goes on with grey where data is missing; such a picture is not what the user meant.
void on_message(j_common_ptr jpeg, int level) {
  if (level != -1) return;
  const int code = jpeg->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE)
    jpeg->err->error_exit(jpeg);
}

/// A few bytes per scan can ask for passes over the whole picture without end.
void on_progress(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= 100) return;
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  std::snprintf(errors->message, sizeof errors->message, "it has over 100 scans");
  std::longjmp(errors->jump, 1);  // NOLINT
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

struct Reader {
  Errors errors;
  jpeg_progress_mgr progress{};
  jpeg_decompress_struct jpeg{};

  ~Reader() { jpeg_destroy_decompress(&jpeg); }
};

struct Writer {
  Errors errors;
  jpeg_compress_struct jpeg{};
  unsigned char* out = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type

  ~Writer() {
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

}  // namespace

Decoded decode_jpeg(Bytes bytes, std::string_view name) {
  Reader reader;
  auto& jpeg = reader.jpeg;
  install(reader.errors, reinterpret_cast<jpeg_common_struct&>(jpeg));
  const auto check = [&](bool done) {
    if (!done) fail(ErrorKind::bad_file, "{}: is a damaged JPEG: {}", name, reader.errors.message);
  };

  check(guarded(reader.errors, [&] {
    jpeg_create_decompress(&jpeg);
    reader.progress.progress_monitor = on_progress;
    jpeg.progress = &reader.progress;
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
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
  for (auto* marker = jpeg.marker_list; marker; marker = marker->next) {
    const std::string_view body(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (!body.starts_with("Exif")) continue;
    picture.orientation = exif_orientation(body);
    break;
  }
  const bool cmyk = jpeg.num_components == 4;
  if (cmyk) picture.notices.push_back(fmt::format("{}: is CMYK, converted to RGB", name));
  picture.channels = cmyk ? 4 : 3;
  picture.allocate();
  check(guarded(reader.errors, [&] {
    jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&jpeg);
    const size_t stride = size_t(picture.width) * size_t(picture.channels);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = picture.pixels.data() + jpeg.output_scanline * stride;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
  }));
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
  Writer writer;
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

#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>

#include "base/error.h"
#include "image/exif.h"
#include "image/formats.h"

namespace drypoint {
namespace {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using Mux = std::unique_ptr<WebPMux, Destroy<WebPMuxDelete>>;

void check(VP8StatusCode status, std::string_view name) {
  if (status == VP8_STATUS_OK) return;
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
  fail(ErrorKind::bad_file, "{}: is a damaged WebP: {}", name,
       status == VP8_STATUS_NOT_ENOUGH_DATA ? "it is truncated" : "its data is inconsistent");
}

uint32_t little_endian(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint32_t{uint8_t(bytes[at + i])} << (8 * i);
  return value;
}

/// The body of the first chunk of this type. libwebp's demuxer would make a list of all frames.
std::optional<std::string_view> find_chunk(std::string_view file, std::string_view type) {
  for (size_t at = 12; at + 8 <= file.size();) {
    const size_t length = little_endian(file, at + 4, 4);
    if (file.substr(at, 4) == type) return file.substr(at + 8, length);
    at += 8 + length + length % 2;
  }
  return std::nullopt;
}

void decode(std::string_view data, int width, int height, int channels, uint8_t* pixels,
            size_t stride, std::string_view name) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config))
    fail(ErrorKind::unsupported, "libwebp: its library does not fit its header");
  config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels;
  config.output.u.RGBA.stride = int(stride);
  config.output.u.RGBA.size = stride * size_t(height - 1) + size_t(width) * size_t(channels);
  check(WebPDecode(reinterpret_cast<const uint8_t*>(data.data()), data.size(), &config), name);
}

/// The first frame, on a transparent canvas. A frame's chunk begins with 16 bytes: where it lies
/// (halved) and its sides less 1, in 3 bytes each, its duration and flags.
/// https://developers.google.com/speed/webp/docs/riff_container#animation
void decode_first_frame(std::string_view file, std::string_view name, Decoded& picture) {
  const auto frame = find_chunk(file, "ANMF");
  if (!frame || frame->size() < 24) check(VP8_STATUS_NOT_ENOUGH_DATA, name);
  const std::string_view data = frame->substr(16);
  const auto number = [&](size_t at) { return int(little_endian(*frame, at, 3)); };
  const int x = 2 * number(0), y = 2 * number(3), width = number(6) + 1, height = number(9) + 1;
  WebPBitstreamFeatures features;
  check(WebPGetFeatures(reinterpret_cast<const uint8_t*>(data.data()), data.size(), &features),
        name);
  if (x + width > picture.width || y + height > picture.height || features.width != width ||
      features.height != height)
    check(VP8_STATUS_BITSTREAM_ERROR, name);
  const size_t stride = 4 * size_t(picture.width);
  decode(data, width, height, 4, picture.pixels.data() + size_t(y) * stride + 4 * size_t(x), stride,
         name);
}

}  // namespace

std::optional<std::string_view> webp_exif(std::string_view file) {
  return find_chunk(file, "EXIF");
}

Decoded decode_webp(Bytes bytes, std::string_view name) {
  const WebPData file{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPBitstreamFeatures features;
  check(WebPGetFeatures(file.bytes, file.size, &features), name);
  check_size(uint64_t(features.width), uint64_t(features.height), name);
  const std::string_view whole = as_text(bytes);
  if (uint64_t{little_endian(whole, 4, 4)} + 8 > file.size) check(VP8_STATUS_NOT_ENOUGH_DATA, name);

  Decoded picture;
  picture.width = features.width, picture.height = features.height;
  picture.channels = features.has_animation || features.has_alpha ? 4 : 3;
  if (const auto exif = webp_exif(whole)) picture.orientation = exif_orientation(*exif);
  picture.allocate();
  if (features.has_animation) {
    picture.notices.push_back(fmt::format("{}: is animated, only its first frame is used", name));
    decode_first_frame(whole, name, picture);
  } else {
    decode(whole, picture.width, picture.height, picture.channels, picture.pixels.data(),
           size_t(picture.width) * size_t(picture.channels), name);
  }
  return picture;
}

std::string encode_webp(const Image& image, std::string_view parameters) {
  if (std::max(image.width, image.height) > WEBP_MAX_DIMENSION)
    fail(ErrorKind::bad_argument, "a WebP of {}x{} pixels: sides can be {} at most", image.width,
         image.height, WEBP_MAX_DIMENSION);
  std::vector<uint8_t> colour;  // WebP knows no grey
  if (image.channels == 1)
    for (const uint8_t grey : image.pixels) colour.insert(colour.end(), 3, grey);
  const uint8_t* rgb = image.channels == 1 ? colour.data() : image.pixels.data();
  uint8_t* encoded = nullptr;
  const size_t size = WebPEncodeRGB(rgb, image.width, image.height, 3 * image.width, 95, &encoded);
  const std::unique_ptr<uint8_t, Destroy<WebPFree>> owner(encoded);
  if (size == 0) fail(ErrorKind::out_of_memory, "writing a WebP: libwebp failed");
  if (parameters.empty()) return {reinterpret_cast<const char*>(encoded), size};

  const std::string exif = exif_comment(parameters);
  const WebPData picture{encoded, size};
  const WebPData block{reinterpret_cast<const uint8_t*>(exif.data()), exif.size()};
  const Mux mux(WebPMuxNew());
  WebPData file{};
  if (!mux || WebPMuxSetImage(mux.get(), &picture, 0) != WEBP_MUX_OK ||
      WebPMuxSetChunk(mux.get(), "EXIF", &block, 0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &file) != WEBP_MUX_OK)
    fail(ErrorKind::out_of_memory, "writing a WebP: libwebpmux failed");
  const std::unique_ptr<const uint8_t, Destroy<[](const uint8_t* p) { WebPFree((void*)p); }>> held(
      file.bytes);
  return {reinterpret_cast<const char*>(file.bytes), file.size};
}

}  // namespace drypoint

#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

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
using Demuxer = std::unique_ptr<WebPDemuxer, Destroy<WebPDemuxDelete>>;
using Animation = std::unique_ptr<WebPAnimDecoder, Destroy<WebPAnimDecoderDelete>>;
using Mux = std::unique_ptr<WebPMux, Destroy<WebPMuxDelete>>;

void check(VP8StatusCode status, std::string_view name) {
  if (status == VP8_STATUS_OK) return;
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
  fail(ErrorKind::bad_file, "{}: is a damaged WebP: {}", name,
       status == VP8_STATUS_NOT_ENOUGH_DATA ? "it is truncated" : "its data is inconsistent");
}

int orientation(const WebPData& file) {
  const Demuxer demuxer(WebPDemux(&file));
  WebPChunkIterator chunk{};
  if (!demuxer || !WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk)) return 1;
  const int found =
      exif_orientation({reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size});
  WebPDemuxReleaseChunkIterator(&chunk);
  return found;
}

void decode_first_frame(const WebPData& file, std::string_view name, Decoded& picture) {
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  const Animation animation(WebPAnimDecoderNew(&file, &options));
  uint8_t* canvas = nullptr;
  int time = 0;
  if (!animation || !WebPAnimDecoderGetNext(animation.get(), &canvas, &time))
    check(VP8_STATUS_BITSTREAM_ERROR, name);
  std::memcpy(picture.pixels.data(), canvas, picture.pixels.size());
}

void decode_still(const WebPData& file, std::string_view name, Decoded& picture) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config))
    fail(ErrorKind::unsupported, "libwebp: its library does not fit its header");
  config.output.colorspace = picture.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = picture.pixels.data();
  config.output.u.RGBA.stride = picture.width * picture.channels;
  config.output.u.RGBA.size = picture.pixels.size();
  check(WebPDecode(file.bytes, file.size, &config), name);
}

}  // namespace

Decoded decode_webp(Bytes bytes, std::string_view name) {
  const WebPData file{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPBitstreamFeatures features;
  check(WebPGetFeatures(file.bytes, file.size, &features), name);
  check_size(uint64_t(features.width), uint64_t(features.height), name);
  const uint64_t said = uint64_t{file.bytes[4]} | uint64_t{file.bytes[5]} << 8 |
                        uint64_t{file.bytes[6]} << 16 | uint64_t{file.bytes[7]} << 24;
  if (said + 8 > file.size) check(VP8_STATUS_NOT_ENOUGH_DATA, name);

  Decoded picture;
  picture.width = features.width, picture.height = features.height;
  picture.channels = features.has_animation || features.has_alpha ? 4 : 3;
  picture.orientation = orientation(file);
  picture.allocate();
  if (features.has_animation) {
    picture.notices.push_back(fmt::format("{}: is animated, only its first frame is used", name));
    decode_first_frame(file, name, picture);
  } else {
    decode_still(file, name, picture);
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

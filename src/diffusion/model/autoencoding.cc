#include "diffusion/model/autoencoding.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/finite.h"
#include "ops/to_pixels.h"

namespace drypoint {
namespace {

constexpr auto decoder_name = "VAE decoder", encoder_name = "VAE encoder";

void expect_finite(bool is_finite, const char* part) {
  if (!is_finite) fail(ErrorKind::non_finite, "{}: the result holds NaN or infinity", part);
}

std::span<const float> run_encoder(Executor& encoder, std::span<const float> picture,
                                   const StopRequested& stop) {
  encoder.set_input("image", picture);
  encoder.run(Rate::picture, stop);
  const auto moments = encoder.output("moments");
  expect_finite(all_finite(moments), encoder_name);
  return moments;
}

/// TAESD says no variance: the least there is.
std::vector<float> tiny_moments(Executor& encoder, std::span<const float> picture,
                                const StopRequested& stop) {
  std::vector<float> values(picture.begin(), picture.end());
  for (float& value : values) value = (value + 1) / 2;
  const auto latent = run_encoder(encoder, values, stop);
  std::vector<float> moments(latent.begin(), latent.end());
  moments.resize(2 * latent.size(), -30.0f);
  return moments;
}

size_t area(const Tiles& tiles) {
  return static_cast<size_t>(tiles.whole().width) * static_cast<size_t>(tiles.whole().height);
}

}  // namespace

Tiles vae_tiles(ImageSize size, int tile) {
  return {{size.width / 8, size.height / 8}, tile / 8, tile / 32};
}

namespace {

/// Runs the decoder on one tile. `offset`, see `ToPixels`.
Executor& run_decoder(Stages& model, std::span<const float> latent, const Tiles& tiles,
                      float offset, const StopRequested& stop) {
  std::vector<float> scaled(latent.begin(), latent.end());
  for (float& value : scaled)
    value = model.config().vae.is_tiny ? 3 * std::tanh(value / 3) : value / model.scaling_factor();
  Executor& decoder = model.vae_decoder(tiles.size().height, tiles.size().width, stop);
  decoder.set_input("latent", scaled);
  if (decoder.has_input("offset")) decoder.set_input("offset", std::span(&offset, 1));
  decoder.run(Rate::picture, stop);
  return decoder;
}

float pixel_offset(bool rounds) { return rounds ? 128 : 127.5f; }

}  // namespace

bool read_pixels(const Executor& decoder, std::vector<uint8_t>& pixels) {
  const auto marked = decoder.output_pixels("pixels");
  const size_t count = marked.size() / 4;
  pixels.resize(3 * count);
  uint32_t all = ~0u;
  const auto pixel = [&](size_t i) {
    uint32_t word;
    std::memcpy(&word, &marked[4 * i], sizeof(word));
    all &= word;
    return word;
  };
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {  // four pixels are three words
    const uint32_t a = pixel(i), b = pixel(i + 1), c = pixel(i + 2), d = pixel(i + 3);
    const uint32_t words[3] = {(a & 0xffffff) | b << 24, (b >> 8 & 0xffff) | c << 16,
                               (c >> 16 & 0xff) | d << 8};
    std::memcpy(&pixels[3 * i], words, sizeof(words));
  }
  for (; i < count; ++i) {
    const uint32_t word = pixel(i);
    std::memcpy(&pixels[3 * i], &word, 3);
  }
  return all >> 24 == 255;
}

std::vector<float> decode(Stages& model, std::span<const float> latent, const Tiles& tiles,
                          const StopRequested& stop) {
  using enum Tiles::Layout;
  const auto decoded = [&](std::span<const float> tile) {
    const auto image = run_decoder(model, tile, tiles, pixel_offset(false), stop).output("image");
    expect_finite(all_finite(image), decoder_name);
    std::vector<float> result(image.begin(), image.end());
    if (model.config().vae.is_tiny)
      for (float& value : result) value = 2 * value - 1;
    return result;
  };
  if (tiles.count() == 1) return decoded(latent);
  const Tiles of_picture = tiles.times(8);
  std::vector<float> picture(3 * area(of_picture));
  for (size_t i = 0; i < tiles.count(); ++i)
    of_picture.add(decoded(tiles.cut(latent, i, planes)), i, pixels, picture);
  return picture;
}

Image decode_image(Stages& model, std::span<const float> latent, ImageSize size, int tile,
                   const StopRequested& stop, bool rounds) {
  const Tiles tiles = vae_tiles(size, tile);
  if (tiles.count() > 1 || model.config().vae.is_tiny)
    return image_of(decode(model, latent, tiles, stop), size, rounds);
  Image image{size.width, size.height, 3, {}};
  Executor& decoder = run_decoder(model, latent, tiles, pixel_offset(rounds), stop);
  expect_finite(read_pixels(decoder, image.pixels), decoder_name);
  return image;
}

std::vector<float> encode(Stages& model, std::span<const float> picture, const Tiles& tiles,
                          const StopRequested& stop) {
  using enum Tiles::Layout;
  Executor& encoder = model.vae_encoder(tiles.size().height, tiles.size().width, stop);
  const auto encoded = [&](std::span<const float> values) {
    if (model.config().vae.is_tiny) return tiny_moments(encoder, values, stop);
    const auto moments = run_encoder(encoder, values, stop);
    return std::vector<float>(moments.begin(), moments.end());
  };
  if (tiles.count() == 1) return encoded(picture);
  const Tiles of_picture = tiles.times(8);
  std::vector<float> moments(2 * static_cast<size_t>(model.config().vae.latent_channels) *
                             area(tiles));
  for (size_t i = 0; i < tiles.count(); ++i)
    tiles.add(encoded(of_picture.cut(picture, i, pixels)), i, planes, moments);
  return moments;
}

Image image_of(std::span<const float> values, ImageSize size, bool rounds) {
  Image image{size.width, size.height, 3, std::vector<uint8_t>(values.size())};
  const float offset = pixel_offset(rounds);
  std::ranges::transform(values, image.pixels.begin(),
                         [&](float value) { return to_pixel(value, offset); });
  return image;
}

}  // namespace drypoint

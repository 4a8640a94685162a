#include "diffusion/model/autoencoding.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/finite.h"

namespace drypoint {
namespace {

std::span<const float> run(Executor& executor, const char* input, std::span<const float> values,
                           const char* output, const char* part, const StopRequested& stop) {
  executor.set_input(input, values);
  executor.run(Rate::picture, stop);
  const auto result = executor.output(output);
  if (!all_finite(result))
    fail(ErrorKind::non_finite, "{}: the result holds NaN or infinity", part);
  return result;
}

/// TAESD says no variance: the least there is.
std::vector<float> tiny_moments(Executor& encoder, std::span<const float> picture,
                                const StopRequested& stop) {
  std::vector<float> values(picture.begin(), picture.end());
  for (float& value : values) value = (value + 1) / 2;
  const auto latent = run(encoder, "image", values, "moments", "VAE encoder", stop);
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

/// What the decoder makes of one tile, where it left it: a TAESD's is from 0 to 1.
std::span<const float> run_decoder(Stages& model, std::span<const float> latent, const Tiles& tiles,
                                   const StopRequested& stop) {
  std::vector<float> scaled(latent.begin(), latent.end());
  for (float& value : scaled)
    value = model.config().vae.is_tiny ? 3 * std::tanh(value / 3) : value / model.scaling_factor();
  return run(model.vae_decoder(tiles.size().height, tiles.size().width, stop), "latent", scaled,
             "image", "VAE decoder", stop);
}

}  // namespace

std::vector<float> decode(Stages& model, std::span<const float> latent, const Tiles& tiles,
                          const StopRequested& stop) {
  using enum Tiles::Layout;
  const auto decoded = [&](std::span<const float> tile) {
    const auto image = run_decoder(model, tile, tiles, stop);
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
  return image_of(run_decoder(model, latent, tiles, stop), size, rounds);
}

std::vector<float> encode(Stages& model, std::span<const float> picture, const Tiles& tiles,
                          const StopRequested& stop) {
  using enum Tiles::Layout;
  Executor& encoder = model.vae_encoder(tiles.size().height, tiles.size().width, stop);
  const auto encoded = [&](std::span<const float> values) {
    if (model.config().vae.is_tiny) return tiny_moments(encoder, values, stop);
    const auto moments = run(encoder, "image", values, "moments", "VAE encoder", stop);
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
  const float offset = rounds ? 128 : 127.5f;
  std::ranges::transform(values, image.pixels.begin(), [&](float value) {
    return static_cast<uint8_t>(std::clamp(value * 127.5f + offset, 0.0f, 255.0f));
  });
  return image;
}

}  // namespace drypoint

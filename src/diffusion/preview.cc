#include "diffusion/preview.h"

#include <algorithm>

namespace drypoint {
namespace {

/// What each channel of Stable Diffusion 1's latents adds to red, green and blue, by a linear fit:
/// ComfyUI's latent_rgb_factors.
constexpr float to_rgb[4][3] = {{0.3512f, 0.2297f, 0.3227f},
                                {0.3250f, 0.4974f, 0.2350f},
                                {-0.2829f, 0.1762f, 0.2721f},
                                {-0.2120f, -0.2616f, -0.7177f}};

}  // namespace

Image preview_of(std::span<const float> latent, ImageSize size) {
  const auto plane = static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
  Image image{size.width, size.height, 3, std::vector<uint8_t>(3 * plane)};
  for (size_t i = 0; i < plane; ++i)
    for (size_t c = 0; c < 3; ++c) {
      float value = 0;
      for (size_t k = 0; k < 4; ++k) value += to_rgb[k][c] * latent[k * plane + i];
      // A NaN is found when the loop is done.
      image.pixels[3 * i + c] =
          value > -1 ? static_cast<uint8_t>(std::min(127.5f * value + 127.5f, 255.0f)) : 0;
    }
  return image;
}

}  // namespace drypoint

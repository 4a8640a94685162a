// Planes of numbers of other sizes, as OpenCV's `resize` makes them of floats.
#pragma once

#include <span>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

enum class Interpolation : uint8_t {
  linear,   ///< INTER_LINEAR
  cubic,    ///< INTER_CUBIC with IPP
  cubic64,  ///< INTER_CUBIC of 64-bit floats, which IPP has not: places are rounded to 32 bits
  lanczos,  ///< INTER_LANCZOS4
  area,     ///< INTER_AREA, for sides that do not grow
};

/// [H, W, channels] -> the same at another size. Beyond the border all is as at it.
std::vector<float> resize_floats(std::span<const float> values, int channels, ImageSize from,
                                 ImageSize to, Interpolation interpolation);

/// A picture's pixels as numbers, [H, W, channels].
std::vector<float> as_floats(const Image& image);

}  // namespace drypoint

// What preprocessors share: pixels by their places, and planes of numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

inline size_t pixels_of(const Image& image) {
  return static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
}

/// One channel, of this picture's size.
inline Image grey_like(const Image& image) {
  return {image.width, image.height, 1, std::vector<uint8_t>(pixels_of(image))};
}

/// Rounds towards 0, as NumPy's `astype(uint8)` does.
inline uint8_t truncated(float value) {
  return static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

/// A picture's values as numbers, blurred as OpenCV's `GaussianBlur` does: `taps` values of each
/// row, then of each column, mirrored at the border without repeating it.
std::vector<float> gaussian(const Image& image, double sigma, int taps);

/// The same of 8-bit pixels, which OpenCV weights in 256ths.
Image gaussian_blurred(const Image& image, double sigma);

/// How many OpenCV takes for floats, where no number is given.
inline int taps_of_floats(double sigma) { return static_cast<int>(sigma * 8 + 1.5) | 1; }

}  // namespace drypoint

// What preprocessors share: pixels by their places, and planes of numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
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
/// row, then of each column, mirrored at the border without repeating it. One row after the other.
class GaussianRows {
 public:
  GaussianRows(const Image& image, double sigma, int taps);
  /// As many as there are taps. The picture must live as long.
  GaussianRows(const Image& image, std::vector<float> weights);

  /// The next row, from the first on; valid until the one after.
  std::span<const float> next();

 private:
  int half() const { return static_cast<int>(weights_.size()) / 2; }
  /// A row of the picture, each value of which is a sum along it.
  float* kept(int row);
  void add_row();

  const Image& image_;
  std::vector<float> weights_;
  size_t channels_, stride_;
  std::vector<float> line_, kept_, row_;  // kept: as many rows as there are taps
  std::vector<const float*> taken_;
  int rows_ = 0, next_ = 0;
};

/// The same of 8-bit pixels, which OpenCV weights in 256ths.
Image gaussian_blurred(const Image& image, double sigma);

/// How many OpenCV takes for floats, where no number is given.
inline int taps_of_floats(double sigma) { return static_cast<int>(sigma * 8 + 1.5) | 1; }

}  // namespace drypoint

// The web UI's ContentShuffleDetector: each pixel comes from a place that wanders smoothly over the
// whole picture.
#include <array>
#include <cmath>
#include <random>

#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"
#include "image/resample_weights.h"

namespace drypoint {
namespace {

constexpr int disk = 256;  // pixels between two random numbers

/// As NumPy's `random.uniform`, seeded with 32 bits.
double uniform(std::mt19937& engine) {
  const uint32_t a = static_cast<uint32_t>(engine()) >> 5, b = static_cast<uint32_t>(engine()) >> 6;
  return (a * 67108864.0 + b) / 9007199254740992.0;
}

/// Random numbers on a coarse grid, enlarged, [height, width] from 0 to 1.
std::vector<double> noise_disk(int height, int width, std::mt19937& engine) {
  const int rows = height / disk + 2, columns = width / disk + 2;
  std::vector<double> grid(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  for (double& value : grid) value = uniform(engine);
  struct Place {
    std::array<size_t, 4> from;
    std::array<double, 4> share;
  };
  const auto places = [](int from, int to) {
    std::vector<Place> all;
    const double scale = static_cast<double>(from) / (to + 2 * disk);
    for (int i = disk; i < disk + to; ++i) {
      const double at = (i + 0.5) * scale - 0.5, first = std::floor(at);
      Place& place = all.emplace_back();
      place.share = cubic_weights(at - first);
      for (int k = 0; k < 4; ++k)
        place.from[static_cast<size_t>(k)] =
            static_cast<size_t>(std::clamp(static_cast<int>(first) - 1 + k, 0, from - 1));
    }
    return all;
  };
  const std::vector<Place> across = places(columns, width), down = places(rows, height);
  std::vector<double> noise;
  noise.reserve(static_cast<size_t>(height) * static_cast<size_t>(width));
  for (const Place& y : down)
    for (const Place& x : across) {
      double sum = 0;
      for (size_t j = 0; j < 4; ++j)
        for (size_t i = 0; i < 4; ++i)
          sum +=
              y.share[j] * x.share[i] * grid[y.from[j] * static_cast<size_t>(columns) + x.from[i]];
      noise.push_back(sum);
    }
  const auto [least, most] = std::ranges::minmax(noise);
  for (double& value : noise) value = (value - least) / (most > least ? most - least : 1);
  return noise;
}

}  // namespace

Image shuffle(const Image& image, const PreprocessOptions& options) {
  std::mt19937 engine(static_cast<uint32_t>(options.seed));
  const std::vector<double> xs = noise_disk(image.height, image.width, engine),
                            ys = noise_disk(image.height, image.width, engine);
  Image result = image;
  const auto channels = static_cast<size_t>(image.channels);
  const auto value = [&](int row, int column, size_t channel) {
    return static_cast<float>(
        image.pixels[(static_cast<size_t>(std::min(row, image.height - 1)) *
                          static_cast<size_t>(image.width) +
                      static_cast<size_t>(std::min(column, image.width - 1))) *
                         channels +
                     channel]);
  };
  for (size_t i = 0; i < xs.size(); ++i) {
    const double x = xs[i] * (image.width - 1), y = ys[i] * (image.height - 1);
    const int column = static_cast<int>(x), row = static_cast<int>(y);
    const auto right = static_cast<float>(x - column), below = static_cast<float>(y - row);
    for (size_t c = 0; c < channels; ++c) {
      const float upper = value(row, column, c) * (1 - right) + value(row, column + 1, c) * right,
                  lower = value(row + 1, column, c) * (1 - right) +
                          value(row + 1, column + 1, c) * right;
      result.pixels[i * channels + c] =
          static_cast<uint8_t>(std::lround(upper * (1 - below) + lower * below));
    }
  }
  return result;
}

}  // namespace drypoint

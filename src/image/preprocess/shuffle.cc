// The web UI's ContentShuffleDetector: each pixel comes from a place that wanders smoothly over the
// whole picture.
#include <array>
#include <cmath>
#include <random>
#include <span>
#include <vector>

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

/// Of each place along a side the four numbers of the grid that it lies between, and their shares.
struct DiskPlaces {
  std::vector<std::array<size_t, 4>> from;
  std::array<std::vector<double>, 4> shares;

  DiskPlaces(int numbers, int side) {
    const double scale = static_cast<double>(numbers) / (side + 2 * disk);
    for (int i = disk; i < disk + side; ++i) {
      const double at = (i + 0.5) * scale - 0.5, first = std::floor(at);
      const auto own = cubic_weights(at - first);
      auto& numbers_of_it = from.emplace_back();
      for (size_t k = 0; k < 4; ++k) {
        shares[k].push_back(own[k]);
        numbers_of_it[k] = static_cast<size_t>(
            std::clamp(static_cast<int>(first) - 1 + static_cast<int>(k), 0, numbers - 1));
      }
    }
  }
};

/// Random numbers on a coarse grid, enlarged, [height, width] from 0 to 1.
std::vector<double> noise_disk(int height, int width, std::mt19937& engine) {
  const int rows = height / disk + 2, columns = width / disk + 2;
  std::vector<double> grid(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  for (double& value : grid) value = uniform(engine);
  const DiskPlaces across(columns, width), down(rows, height);
  const auto places = static_cast<size_t>(width);
  std::vector<double> noise(static_cast<size_t>(height) * places);
  for (size_t begin = 0, end = 0; begin < places; begin = end) {
    // Places that lie between the same numbers.
    while (end < places && across.from[end] == across.from[begin]) ++end;
    for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
      double shares[4], numbers[4][4];
      for (size_t j = 0; j < 4; ++j) {
        shares[j] = down.shares[j][y];
        for (size_t i = 0; i < 4; ++i)
          numbers[j][i] =
              grid[down.from[y][j] * static_cast<size_t>(columns) + across.from[begin][i]];
      }
      for (size_t x = begin; x < end; ++x) {
        double sum = 0;
        for (size_t j = 0; j < 4; ++j)
          for (size_t i = 0; i < 4; ++i) sum += shares[j] * across.shares[i][x] * numbers[j][i];
        noise[y * places + x] = sum;
      }
    }
  }
  const auto [least, most] = std::ranges::minmax(noise);
  const double range = most > least ? most - least : 1;
  for (double& value : noise) value = (value - least) / range;
  return noise;
}

/// Each pixel between four of those at its place, in shares of the picture's sides.
template <size_t channels>
void bend(const Image& image, std::span<const double> xs, std::span<const double> ys, uint8_t* to) {
  const size_t stride = static_cast<size_t>(image.width) * channels;
  for (size_t i = 0; i < xs.size(); ++i, to += channels) {
    const double x = xs[i] * (image.width - 1), y = ys[i] * (image.height - 1);
    const int column = static_cast<int>(x), row = static_cast<int>(y);
    const auto right = static_cast<float>(x - column), below = static_cast<float>(y - row);
    const uint8_t* from =
        &image.pixels[static_cast<size_t>(row) * stride + static_cast<size_t>(column) * channels];
    const size_t beside = column + 1 < image.width ? channels : 0;
    const size_t under = row + 1 < image.height ? stride : 0;
    for (size_t c = 0; c < channels; ++c) {
      const auto between = [&](const uint8_t* pixel) {
        return static_cast<float>(pixel[c]) * (1 - right) +
               static_cast<float>(pixel[beside + c]) * right;
      };
      const float value = between(from) * (1 - below) + between(from + under) * below;
      const double half_above = double{value} + 0.5;  // halves are rounded up
      to[c] = static_cast<uint8_t>(half_above);
    }
  }
}

}  // namespace

Image shuffle(const Image& image, const PreprocessOptions& options) {
  std::mt19937 engine(static_cast<uint32_t>(options.seed));
  const std::vector<double> xs = noise_disk(image.height, image.width, engine),
                            ys = noise_disk(image.height, image.width, engine);
  Image result = image;
  image.channels == 3 ? bend<3>(image, xs, ys, result.pixels.data())
                      : bend<1>(image, xs, ys, result.pixels.data());
  return result;
}

}  // namespace drypoint

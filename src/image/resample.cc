#include "image/resample.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <type_traits>
#include <vector>

#include "image/resample_weights.h"

namespace drypoint {
namespace {

constexpr int fraction_bits = 11;  // of weights

uint8_t saturated(int value) { return uint8_t(std::clamp(value, 0, 255)); }
/// Rounds ties to even, as a number this large has no fraction.
uint8_t saturated(float value) { return saturated(int(value + 0x1.8p23f - 0x1.8p23f)); }

Image blank(ImageSize size, int channels) {
  return {size.width, size.height, channels,
          std::vector<uint8_t>(size_t(size.width) * size_t(size.height) * size_t(channels))};
}

const uint8_t* row_of(const Image& image, int row) {
  return image.pixels.data() + size_t(row) * size_t(image.width) * size_t(image.channels);
}
uint8_t* row_of(Image& image, int row) {
  return image.pixels.data() + size_t(row) * size_t(image.width) * size_t(image.channels);
}

/// Along one side: each result is a sum of `taps` pixels from `first` on, those beyond the border
/// being as the one at it. Weights are whole numbers, in units of 2^-11, or float.
template <int taps, class Weight = int>
struct Filter {
  struct Place {
    int first = 0;
    std::array<Weight, taps> weights{};
  };
  std::vector<Place> places;

  void add(int first, const std::array<float, taps>& weights) {
    Place place{first, {}};
    for (int k = 0; k < taps; ++k)
      if constexpr (std::is_same_v<Weight, int>)
        place.weights[k] = int(std::nearbyint(weights[k] * float(1 << fraction_bits)));
      else
        place.weights[k] = weights[k];
    places.push_back(place);
  }
};

Filter<8> lanczos_filter(int from, int to) {
  const double scale = 1 / (double(to) / from);
  Filter<8> filter;
  for (int i = 0; i < to; ++i) {
    float x = float((i + 0.5) * scale - 0.5);
    const int pixel = int(std::floor(x));
    x -= float(pixel);
    filter.add(pixel - 3, lanczos_weights(x));
  }
  return filter;
}

Filter<4, float> cubic_filter(int from, int to) {
  Filter<4, float> filter;
  for (int i = 0; i < to; ++i) {
    const CubicPlace place = cubic_place(i, double(from) / to);
    filter.add(place.first, place.weights);
  }
  return filter;
}

/// How much of a result's pixel lies over each of two pixels, where it is no larger than they are.
Filter<2> area_filter(int from, int to) {
  const double inverse = double(to) / from, scale = 1 / inverse;
  Filter<2> filter;
  for (int i = 0; i < to; ++i) {
    int pixel = int(std::floor(i * scale));
    float x = float((i + 1) - (pixel + 1) * inverse);
    x = x <= 0 ? 0 : x - std::floor(x);
    if (pixel >= from - 1) {
      pixel = from - 1;
      x = 0;
    }
    filter.add(pixel, {1 - x, x});
  }
  return filter;
}

/// Sums of weighted rows, which are sums of weighted pixels: from 22 fractional bits to none.
template <size_t taps>
uint8_t combine(const std::array<const int*, taps>& rows, const std::array<int, taps>& weights,
                int i) {
  int sum = 1 << (2 * fraction_bits - 1);
  for (size_t k = 0; k < taps; ++k) sum += rows[k][i] * weights[k];
  return saturated(sum >> (2 * fraction_bits));
}
/// OpenCV drops bits on the way here, and so must we.
uint8_t combine(const std::array<const int*, 2>& rows, const std::array<int, 2>& weights, int i) {
  return saturated(
      (((weights[0] * (rows[0][i] >> 4)) >> 16) + ((weights[1] * (rows[1][i] >> 4)) >> 16) + 2) >>
      2);
}
uint8_t combine(const std::array<const float*, 4>& rows, const std::array<float, 4>& weights,
                int i) {
  float sum = 0;
  for (size_t k = 0; k < 4; ++k) sum += rows[k][i] * weights[k];
  return saturated(sum);
}

template <int taps, class Weight>
Image filtered(const Image& image, ImageSize size, const Filter<taps, Weight>& across,
               const Filter<taps, Weight>& down) {
  const int n = image.channels, stride = size.width * n;
  Image out = blank(size, n);
  // Rows filtered across, each kept as long as it is among the `taps` in use.
  std::vector<Weight> kept(size_t{taps} * size_t(stride));
  std::array<int, taps> held;
  held.fill(-1);
  const auto across_row = [&](int row) -> const Weight* {
    Weight* result = kept.data() + size_t(row % taps) * size_t(stride);
    if (held[row % taps] == row) return result;
    held[row % taps] = row;
    const uint8_t* from = row_of(image, row);
    for (int column = 0; column < size.width; ++column) {
      const auto& place = across.places[column];
      std::array<int, taps> pixels;
      for (int k = 0; k < taps; ++k)
        pixels[k] = n * std::clamp(place.first + k, 0, image.width - 1);
      for (int channel = 0; channel < n; ++channel) {
        Weight sum = 0;
        for (int k = 0; k < taps; ++k) sum += from[pixels[k] + channel] * place.weights[k];
        result[column * n + channel] = sum;
      }
    }
    return result;
  };
  for (int row = 0; row < size.height; ++row) {
    const auto& place = down.places[row];
    std::array<const Weight*, taps> rows;
    for (int k = 0; k < taps; ++k)
      rows[k] = across_row(std::clamp(place.first + k, 0, image.height - 1));
    uint8_t* to = row_of(out, row);
    for (int i = 0; i < stride; ++i) to[i] = combine(rows, place.weights, i);
  }
  return out;
}

/// Averages where each result covers whole pixels.
Image averaged(const Image& image, ImageSize size, int wide, int high) {
  const int n = image.channels;
  Image out = blank(size, n);
  const float scale = 1.f / float(wide * high);
  std::vector<int> sums(size_t(size.width) * size_t(n));
  for (int row = 0; row < size.height; ++row) {
    std::fill(sums.begin(), sums.end(), 0);
    for (int y = 0; y < high; ++y) {
      const uint8_t* from = row_of(image, row * high + y);
      for (int column = 0; column < size.width; ++column)
        for (int x = 0; x < wide; ++x, from += n)
          for (int channel = 0; channel < n; ++channel) sums[column * n + channel] += from[channel];
    }
    uint8_t* to = row_of(out, row);
    for (size_t i = 0; i < sums.size(); ++i)
      to[i] =
          wide == 2 && high == 2 ? uint8_t((sums[i] + 2) >> 2) : saturated(float(sums[i]) * scale);
  }
  return out;
}

/// Averages where results cover parts of pixels. The sums' order is OpenCV's.
Image weighted(const Image& image, ImageSize size, double wide, double high) {
  const int n = image.channels;
  const std::vector<Share> across = area_shares(image.width, size.width, wide),
                           down = area_shares(image.height, size.height, high);
  Image out = blank(size, n);
  std::vector<float> line(size_t(size.width) * size_t(n)), sums(line.size());
  const auto finish = [&](int row) {
    std::transform(sums.begin(), sums.end(), row_of(out, row),
                   [](float sum) { return saturated(sum); });
  };
  int row = 0;
  for (const Share& part : down) {
    if (part.to != row) {
      finish(row);
      row = part.to;
      std::fill(sums.begin(), sums.end(), 0.f);
    }
    std::fill(line.begin(), line.end(), 0.f);
    const uint8_t* from = row_of(image, part.from);
    for (const Share& share : across)
      for (int channel = 0; channel < n; ++channel)
        line[share.to * n + channel] += float(from[share.from * n + channel]) * share.weight;
    for (size_t i = 0; i < line.size(); ++i) sums[i] += part.weight * line[i];
  }
  finish(row);
  return out;
}

}  // namespace

Image resize_area(const Image& image, ImageSize size) {
  if (size == ImageSize{image.width, image.height}) return image;
  const double wide = 1 / (double(size.width) / image.width);
  const double high = 1 / (double(size.height) / image.height);
  if (wide < 1 || high < 1)
    return filtered(image, size, area_filter(image.width, size.width),
                    area_filter(image.height, size.height));
  const int whole_wide = int(std::nearbyint(wide)), whole_high = int(std::nearbyint(high));
  if (std::abs(wide - whole_wide) < DBL_EPSILON && std::abs(high - whole_high) < DBL_EPSILON)
    return averaged(image, size, whole_wide, whole_high);
  return weighted(image, size, wide, high);
}

Image resize_cubic(const Image& image, ImageSize size) {
  if (size == ImageSize{image.width, image.height}) return image;
  return filtered(image, size, cubic_filter(image.width, size.width),
                  cubic_filter(image.height, size.height));
}

Image resize_lanczos(const Image& image, ImageSize size) {
  if (size == ImageSize{image.width, image.height}) return image;
  return filtered(image, size, lanczos_filter(image.width, size.width),
                  lanczos_filter(image.height, size.height));
}

}  // namespace drypoint

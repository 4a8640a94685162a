#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "annotate/peaks.h"
#include "base/error.h"
#include "image/weighted_sums.h"

namespace drypoint {
namespace {

constexpr int radius = 12;  // of the Gaussian: 4 sigma
constexpr double least_part = 0.1;
constexpr size_t most_peaks = 1000;  // of a part
constexpr size_t block_side = 16;

const std::vector<double>& smoothing() {
  static const std::vector<double> weights = [] {
    std::vector<double> all;
    for (int i = -radius; i <= radius; ++i) all.push_back(std::exp(-0.5 / 9 * i * i));
    const double sum = std::accumulate(all.begin(), all.end(), 0.0);
    for (double& weight : all) weight /= sum;
    return all;
  }();
  return weights;
}

/// Places from `first` on with a margin of the radius, as far as they are outside mirrored with the
/// border.
std::vector<int> with_margin(int first, int count, int side) {
  std::vector<int> places;
  for (int i = first - radius; i < first + count + radius; ++i) {
    const int at = ((i % (2 * side)) + 2 * side) % (2 * side);
    places.push_back(at < side ? at : 2 * side - 1 - at);
  }
  return places;
}

/// Of a plane with a margin, without it.
std::vector<double> smoothed_inside(std::span<const double> plane, size_t width, size_t height) {
  const size_t stride = width + 2 * radius;
  std::vector<double> line(stride), result(width * height);
  std::vector<const double*> taken(smoothing().size());
  for (size_t y = 0; y < height; ++y) {
    for (size_t k = 0; k < taken.size(); ++k) taken[k] = &plane[(y + k) * stride];
    weighted_sums(smoothing(), taken.data(), line.data(), stride);
    for (size_t k = 0; k < taken.size(); ++k) taken[k] = &line[k];
    weighted_sums(smoothing(), taken.data(), &result[y * width], width);
  }
  return result;
}

float largest(std::span<const float> values) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace

std::vector<double> smoothed(std::span<const double> plane, ImageSize size) {
  const std::vector<int> columns = with_margin(0, size.width, size.width);
  std::vector<double> wide;
  for (const int y : with_margin(0, size.height, size.height))
    for (const int x : columns)
      wide.push_back(
          plane[static_cast<size_t>(y) * static_cast<size_t>(size.width) + static_cast<size_t>(x)]);
  return smoothed_inside(wide, static_cast<size_t>(size.width), static_cast<size_t>(size.height));
}

PeakFinder::Side PeakFinder::smoothed_side(const SideShares& shares, int old_side) {
  Side side;
  const int count = static_cast<int>(shares.places());
  std::vector<double> sums(static_cast<size_t>(old_side));
  for (int place = 0; place < count; ++place) {
    size_t first = sums.size(), end = 0;
    const std::vector<int> near = with_margin(place, 1, count);
    for (size_t k = 0; k < near.size(); ++k) {
      const auto from = shares.from(static_cast<size_t>(near[k]));
      const auto weights = shares.weights(static_cast<size_t>(near[k]));
      for (size_t i = 0; i < from.size(); ++i) {
        sums[from[i]] += smoothing()[k] * double{weights[i]};
        first = std::min(first, from[i]);
        end = std::max(end, from[i] + 1);
      }
    }
    Place& own = side.places.emplace_back();
    own.first = first;
    double gain = 0;
    for (size_t i = first; i < end; ++i) {
      own.weights.push_back(static_cast<float>(sums[i]));
      gain += std::abs(std::exchange(sums[i], 0));
    }
    side.gain = std::max(side.gain, static_cast<float>(gain));
  }
  return side;
}

PeakFinder::PeakFinder(const FloatResize& resize)
    : resize_(resize),
      across_(smoothed_side(resize.across(), resize.from().width)),
      down_(smoothed_side(resize.down(), resize.from().height)) {
  for (size_t begin = 0; begin < across_.places.size(); begin += block_side) {
    const auto own = std::span(across_.places)
                         .subspan(begin, std::min(block_side, across_.places.size() - begin));
    Block& block = blocks_.emplace_back();
    block.first = std::ranges::min(own, {}, &Place::first).first;
    for (size_t i = 0; i < own.size(); ++i)
      for (size_t k = 0; k < own[i].weights.size(); ++k) {
        const size_t value = own[i].first + k - block.first;
        while (block.weights.size() <= value) block.weights.emplace_back(block_side);
        block.weights[value][i] = own[i].weights[k];
      }
  }
}

/// The plane at the new size and smoothed, nearly, where that may be above the least.
struct PeakFinder::Nearly {
  std::vector<float> values;   // [H, blocks * block_side], 0 where they are not
  std::vector<uint8_t> is_in;  // [H, blocks]
  float slack = 0;             // by which values may be wrong
};

PeakFinder::Nearly PeakFinder::nearly(std::span<const float> plane) const {
  const auto width = static_cast<size_t>(resize_.from().width);
  const size_t height = down_.places.size(), stride = blocks_.size() * block_side;
  Nearly result{std::vector<float>(height * stride), std::vector<uint8_t>(height * blocks_.size())};
  std::vector<float> line(width), largest_of_row;
  for (size_t begin = 0; begin < plane.size(); begin += width)
    largest_of_row.push_back(largest(plane.subspan(begin, width)));
  const float slack = result.slack = 2e-5f * largest(largest_of_row);
  std::vector<const float*> taken;
  for (size_t y = 0; y < height; ++y) {
    const Place& row = down_.places[y];
    const float most = largest(std::span(largest_of_row).subspan(row.first, row.weights.size()));
    if (most * down_.gain * across_.gain + slack <= least_part) continue;
    taken.clear();
    for (size_t k = 0; k < row.weights.size(); ++k)
      taken.push_back(&plane[(row.first + k) * width]);
    weighted_sums(row.weights, taken.data(), line.data(), width);
    for (size_t b = 0; b < blocks_.size(); ++b) {
      const auto values =
          std::span<const float>(line).subspan(blocks_[b].first, blocks_[b].weights.size());
      if (largest(values) * across_.gain + slack <= least_part) continue;
      taken.clear();
      for (const std::vector<float>& weights : blocks_[b].weights) taken.push_back(weights.data());
      weighted_sums(values, taken.data(), &result.values[y * stride + b * block_side], block_side);
      result.is_in[y * blocks_.size() + b] = 1;
    }
  }
  return result;
}

/// Those in a row between two places, both included.
void PeakFinder::add_peaks(std::span<const float> plane, int y, int first, int last,
                           std::vector<Peak>& peaks) const {
  const ImageSize size = resize_.to();
  const int count = last - first + 1;
  const std::vector<float> exact = resize_.at(plane, with_margin(first - 1, count + 2, size.width),
                                              with_margin(y - 1, 3, size.height));
  const auto width = static_cast<size_t>(count) + 2;
  const std::vector<double> smooth =
      smoothed_inside(std::vector<double>(exact.begin(), exact.end()), width, 3);
  for (int x = first; x <= last; ++x) {
    const size_t at = width + static_cast<size_t>(x - first) + 1;
    const double own = smooth[at];
    const bool is_peak = own > least_part && (x == 0 || own >= smooth[at - 1]) &&
                         (x + 1 == size.width || own >= smooth[at + 1]) &&
                         (y == 0 || own >= smooth[at - width]) &&
                         (y + 1 == size.height || own >= smooth[at + width]);
    if (!is_peak) continue;
    const size_t before = (radius + 1) * (width + 2 * radius) + radius + 1;
    peaks.push_back({x, y, exact[before + static_cast<size_t>(x - first)]});
    if (peaks.size() > most_peaks)
      fail(ErrorKind::bad_file, "openpose: finds a part of bodies at over {} places", most_peaks);
  }
}

std::vector<Peak> PeakFinder::operator()(std::span<const float> plane) const {
  const Nearly found = nearly(plane);
  const int width = resize_.to().width, height = resize_.to().height;
  const size_t stride = blocks_.size() * block_side;
  const auto at = [&](int x, int y) {
    const bool outside = x < 0 || y < 0 || x >= width || y >= height;
    return outside ? 0.0f : found.values[static_cast<size_t>(y) * stride + static_cast<size_t>(x)];
  };
  const auto may_be_peak = [&](int x, int y) {
    const float own = at(x, y) + 2 * found.slack;
    return own > least_part &&
           own >= std::max({at(x - 1, y), at(x + 1, y), at(x, y - 1), at(x, y + 1)});
  };
  std::vector<Peak> peaks;
  for (int y = 0; y < height; ++y)
    for (size_t b = 0; b < blocks_.size(); ++b) {
      if (!found.is_in[static_cast<size_t>(y) * blocks_.size() + b]) continue;
      const int begin = static_cast<int>(b * block_side),
                end = std::min(begin + static_cast<int>(block_side), width);
      for (int x = begin; x < end; ++x) {
        if (!may_be_peak(x, y)) continue;
        const int first = x;
        while (x + 1 < end && may_be_peak(x + 1, y)) ++x;
        add_peaks(plane, y, first, x, peaks);
      }
    }
  return peaks;
}

}  // namespace drypoint

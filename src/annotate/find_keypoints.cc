#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "annotate/peaks.h"
#include "annotate/poses.h"

namespace drypoint {
namespace {

constexpr double least_point = 0.05;

/// Of the pixels in which `smooth` is above the least, touching ones are a region (at corners too):
/// the region of the greatest sum in `plane`, the first of equal ones.
std::vector<size_t> strongest_region(std::span<const double> plane, std::span<const double> smooth,
                                     int side) {
  std::vector<bool> seen(plane.size());
  std::vector<size_t> best;
  double best_sum = 0;
  for (size_t start = 0; start < plane.size(); ++start) {
    if (seen[start] || !(smooth[start] > least_point)) continue;
    seen[start] = true;
    std::vector<size_t> region{start};
    for (size_t i = 0; i < region.size(); ++i) {
      const int x = static_cast<int>(region[i]) % side, y = static_cast<int>(region[i]) / side;
      for (int row = std::max(y - 1, 0); row <= std::min(y + 1, side - 1); ++row)
        for (int column = std::max(x - 1, 0); column <= std::min(x + 1, side - 1); ++column) {
          const auto next =
              static_cast<size_t>(row) * static_cast<size_t>(side) + static_cast<size_t>(column);
          if (seen[next] || !(smooth[next] > least_point)) continue;
          seen[next] = true;
          region.push_back(next);
        }
    }
    const double sum =
        std::accumulate(region.begin(), region.end(), 0.0,
                        [&](double all, size_t pixel) { return all + plane[pixel]; });
    if (best.empty() || sum > best_sum) {
      best = std::move(region);
      best_sum = sum;
    }
  }
  return best;
}

/// In the picture, of a place in the box. controlnet-aux takes the box's first row and column for
/// no place.
std::optional<Keypoint> in_picture(int x, int y, const Region& box) {
  if (x <= 0 || y <= 0) return std::nullopt;
  return Keypoint{x + box.x, y + box.y};
}

/// The results at a size, between whose corners they are spread evenly.
class Spread {
 public:
  Spread(std::span<const float> points, size_t planes, int side, ImageSize size)
      : points_(points),
        planes_(planes),
        side_(static_cast<size_t>(side)),
        down_(places(side, size.height)),
        across_(places(side, size.width)) {
    for (size_t x = 0; x < across_.size(); ++x) {
      if (x == 0 || across_[x].low != across_[x - 1].low) spans_.push_back({x, x});
      spans_.back().end = x + 1;
    }
  }

  /// The first of the pixels where a plane is largest, if it is above the least anywhere.
  std::optional<Keypoint> largest(size_t plane, float least) const {
    std::optional<Keypoint> found;
    for (size_t y = 0; y < down_.size(); ++y)
      for (const auto& [begin, end] : spans_) {
        // Between four results nothing is above all of them, but for rounding.
        const Between &row = down_[y], &column = across_[begin];
        const auto value = [&](size_t r, size_t c) {
          return points_[(r * side_ + c) * planes_ + plane];
        };
        const float corners[] = {value(row.low, column.low), value(row.low, column.high),
                                 value(row.high, column.low), value(row.high, column.high)};
        if (!(std::ranges::max(corners) * (1 + 1e-6f) > least)) continue;
        for (size_t x = begin; x < end; ++x) {
          const float share = across_[x].share;
          const float above = (1 - share) * corners[0] + share * corners[1],
                      below = (1 - share) * corners[2] + share * corners[3];
          const float own = (1 - row.share) * above + row.share * below;
          if (!(own > least)) continue;
          least = own;
          found = Keypoint{static_cast<int>(x), static_cast<int>(y)};
        }
      }
    return found;
  }

 private:
  struct Between {
    size_t low, high;
    float share;  // of the second
  };
  static std::vector<Between> places(int from, int to) {
    const float step = to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1) : 0;
    std::vector<Between> all;
    for (int i = 0; i < to; ++i) {
      const float at = step * static_cast<float>(i);
      const int low = std::min(static_cast<int>(at), from - 1);
      all.push_back({static_cast<size_t>(low), static_cast<size_t>(std::min(low + 1, from - 1)),
                     at - static_cast<float>(low)});
    }
    return all;
  }

  std::span<const float> points_;
  size_t planes_, side_;
  std::vector<Between> down_, across_;
  struct Span {
    size_t begin, end;
  };
  std::vector<Span> spans_;  // of pixels across that lie between the same two
};

}  // namespace

Keypoints find_hand(std::span<const double> points, const Region& box) {
  constexpr size_t pixels = size_t{hand_side} * hand_side;
  const size_t planes = points.size() / pixels;
  Keypoints found;
  std::vector<double> plane(pixels);
  for (size_t point = 0; point + 1 < planes; ++point) {
    for (size_t i = 0; i < pixels; ++i) plane[i] = points[i * planes + point];
    auto region = strongest_region(plane, smoothed(plane, {hand_side, hand_side}), hand_side);
    std::ranges::sort(region);
    const auto most = std::ranges::max_element(region, {}, [&](size_t i) { return plane[i]; });
    if (most == region.end() || !(plane[*most] > 0)) {
      found.emplace_back();
      continue;
    }
    const auto scaled = [](size_t at, int side) { return static_cast<int>(at) * side / hand_side; };
    found.push_back(in_picture(scaled(*most % hand_side, box.size.width),
                               scaled(*most / hand_side, box.size.height), box));
  }
  return found;
}

Keypoints find_face(std::span<const float> points, int side, const Region& box) {
  const size_t planes = points.size() / (static_cast<size_t>(side) * static_cast<size_t>(side));
  const Spread spread(points, planes, side, box.size);
  Keypoints found;
  for (size_t point = 0; point < planes; ++point) {
    auto most = spread.largest(point, least_point);
    if (most) most = in_picture(most->x, most->y, box);
    found.push_back(most);
  }
  return found;
}

}  // namespace drypoint

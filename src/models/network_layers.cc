#include "models/network_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace drypoint {
namespace {

/// The input of this name, which several layers may share.
template <class Number>
ValueId table(SizedGraph& sized, const std::string& name, Shape shape, std::vector<Number> values) {
  const auto [at, is_new] = sized.tables.emplace(name, std::move(values));
  if (is_new) {
    const DType dtype = std::is_same_v<Number, float> ? DType::f32 : DType::i32;
    return sized.graph.add_input(name, {dtype, std::move(shape)}, Rate::picture);
  }
  return sized.graph.inputs.at(name);
}

/// The pixels of x [1, H, W, C] that `row` and `column` say for each pixel of the result.
template <class Row, class Column>
ValueId look_up(SizedGraph& sized, const Module& m, ValueId x, const std::string& name,
                int64_t height, int64_t width, const Row& row, const Column& column) {
  const Shape from = m.shape(x);
  std::vector<int32_t> places;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t i = 0; i < width; ++i)
      places.push_back(static_cast<int32_t>(row(y) * from[2] + column(i)));
  const ValueId ids =
      table(sized, fmt::format("{} of {}x{}, {}x{}", name, from[1], from[2], height, width),
            {height, width}, std::move(places));
  // The table that is looked up is not rounded to a device's precision.
  const ValueId pixels = reshape(m, m.node(Cast{DType::f32}, {x}), {from[1] * from[2], from[3]});
  return reshape(m, m.node(Embedding{}, {ids, pixels}), {1, height, width, from[3]});
}

/// Of side `to`, place i lies between two of side `from`.
struct BetweenCorners {
  int64_t low = 0, high = 0;
  double share = 0;  // of the second

  BetweenCorners(int64_t i, int64_t to, int64_t from) {
    const double at = to > 1 ? static_cast<double>(i) * static_cast<double>(from - 1) /
                                   static_cast<double>(to - 1)
                             : 0;
    low = static_cast<int64_t>(at);
    high = std::min(low + 1, from - 1);
    share = at - static_cast<double>(low);
  }
};

}  // namespace

ValueId instance_norm(const Module& m, ValueId x) {
  const int64_t channels = m.shape(x).back();
  const auto all = [&](float value) {
    return m.node(Expand{.times = channels}, {m.node(Constant{value}, {})});
  };
  return m.node(GroupNorm{.groups = channels, .epsilon = 1e-5f}, {x, all(1), all(0)});
}

ValueId mirrored_margin(SizedGraph& sized, const Module& m, ValueId x, int64_t margin) {
  const Shape from = m.shape(x);
  const auto inside = [margin](int64_t side) {
    return [=](int64_t i) {
      if (side == 1) return int64_t{0};
      const int64_t at = std::abs(i - margin) % (2 * (side - 1));
      return at < side ? at : 2 * (side - 1) - at;
    };
  };
  return look_up(sized, m, x, "mirrored", from[1] + 2 * margin, from[2] + 2 * margin,
                 inside(from[1]), inside(from[2]));
}

ValueId repeated_border(SizedGraph& sized, const Module& m, ValueId x) {
  const Shape from = m.shape(x);
  const auto inside = [](int64_t side) { return [=](int64_t i) { return std::min(i, side - 1); }; };
  return look_up(sized, m, x, "repeated", from[1] + 1, from[2] + 1, inside(from[1]),
                 inside(from[2]));
}

ValueId interpolate_corners(SizedGraph& sized, const Module& m, ValueId x, int64_t height,
                            int64_t width) {
  const Shape from = m.shape(x);
  if (from[1] == height && from[2] == width) return x;
  ValueId sum = -1;
  for (const bool below : {false, true})
    for (const bool right : {false, true}) {
      const auto corner = fmt::format("corner {}{}", below ? 1 : 0, right ? 1 : 0);
      const auto place = [](int64_t side, int64_t own, bool second) {
        return [=](int64_t i) {
          const BetweenCorners between(i, side, own);
          return second ? between.high : between.low;
        };
      };
      std::vector<float> shares;
      for (int64_t y = 0; y < height; ++y)
        for (int64_t i = 0; i < width; ++i) {
          const double down = BetweenCorners(y, height, from[1]).share;
          const double across = BetweenCorners(i, width, from[2]).share;
          shares.push_back(
              static_cast<float>((below ? down : 1 - down) * (right ? across : 1 - across)));
        }
      const ValueId plane =
          table(sized,
                fmt::format("share of {} of {}x{}, {}x{}", corner, from[1], from[2], height, width),
                {1, height, width, 1}, std::move(shares));
      const ValueId part = m.node(
          MultiplyPlane{}, {look_up(sized, m, x, corner, height, width,
                                    place(height, from[1], below), place(width, from[2], right)),
                            plane});
      sum = sum < 0 ? part : add(m, sum, part);
    }
  return sum;
}

}  // namespace drypoint

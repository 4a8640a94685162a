#include "models/network_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

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

/// For each pixel of the result that of x [1, H, W, C] which `place(y, x)` says.
template <class Place>
ValueId look_up(SizedGraph& sized, const Module& m, ValueId x, const std::string& name,
                int64_t height, int64_t width, const Place& place) {
  const Shape from = m.shape(x);
  std::vector<int32_t> places;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t i = 0; i < width; ++i) {
      const auto [row, column] = place(y, i);
      places.push_back(static_cast<int32_t>(row * from[2] + column));
    }
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

ValueId same_conv2d(const Module& m, ValueId x, int64_t channels, int64_t kernel, int64_t stride,
                    bool bias) {
  return conv2d(m, x, channels, kernel, kernel, same_padded<Conv2d>(m.shape(x), kernel, stride),
                bias);
}

ValueId depthwise_conv2d(const Module& m, ValueId x, int64_t kernel, const DepthwiseConv2d& op,
                         bool bias) {
  const int64_t channels = m.shape(x).back();
  std::vector<ValueId> inputs{x, m.weight("weight", {channels, 1, kernel, kernel})};
  if (bias) inputs.push_back(m.weight("bias", {channels}));
  return m.node(op, std::move(inputs));
}

ValueId instance_norm(const Module& m, ValueId x) {
  const int64_t channels = m.shape(x).back();
  const auto all = [&](float value) {
    return m.node(Expand{.times = channels}, {m.node(Constant{value}, {})});
  };
  return m.node(GroupNorm{.groups = channels, .epsilon = 1e-5f}, {x, all(1), all(0)});
}

ValueId mirrored_margin(SizedGraph& sized, const Module& m, ValueId x, int64_t margin) {
  const Shape from = m.shape(x);
  const auto inside = [margin](int64_t i, int64_t side) {
    if (side == 1) return int64_t{0};
    const int64_t at = std::abs(i - margin) % (2 * (side - 1));
    return at < side ? at : 2 * (side - 1) - at;
  };
  return look_up(sized, m, x, "mirrored", from[1] + 2 * margin, from[2] + 2 * margin,
                 [&](int64_t row, int64_t column) {
                   return std::pair(inside(row, from[1]), inside(column, from[2]));
                 });
}

ValueId repeated_border(SizedGraph& sized, const Module& m, ValueId x) {
  const Shape from = m.shape(x);
  return look_up(sized, m, x, "repeated", from[1] + 1, from[2] + 1,
                 [&](int64_t row, int64_t column) {
                   return std::pair(std::min(row, from[1] - 1), std::min(column, from[2] - 1));
                 });
}

ValueId interpolate_corners(SizedGraph& sized, const Module& m, ValueId x, int64_t height,
                            int64_t width) {
  const Shape from = m.shape(x);
  if (from[1] == height && from[2] == width) return x;
  const auto between = [&](int64_t row, int64_t column) {
    return std::pair(BetweenCorners(row, height, from[1]), BetweenCorners(column, width, from[2]));
  };
  ValueId sum = -1;
  for (const bool below : {false, true})
    for (const bool right : {false, true}) {
      const auto corner = fmt::format("corner {}{}", below ? 1 : 0, right ? 1 : 0);
      std::vector<float> shares;
      for (int64_t y = 0; y < height; ++y)
        for (int64_t i = 0; i < width; ++i) {
          const auto [down, across] = between(y, i);
          shares.push_back(static_cast<float>((below ? down.share : 1 - down.share) *
                                              (right ? across.share : 1 - across.share)));
        }
      const ValueId plane =
          table(sized,
                fmt::format("share of {} of {}x{}, {}x{}", corner, from[1], from[2], height, width),
                {1, height, width, 1}, std::move(shares));
      const ValueId pixels =
          look_up(sized, m, x, corner, height, width, [&](int64_t row, int64_t column) {
            const auto [down, across] = between(row, column);
            return std::pair(below ? down.high : down.low, right ? across.high : across.low);
          });
      const ValueId part = m.node(MultiplyPlane{}, {pixels, plane});
      sum = sum < 0 ? part : add(m, sum, part);
    }
  return sum;
}

ValueId dilated_conv2d(SizedGraph& sized, const Module& m, ValueId x, int64_t channels,
                       int64_t dilation, bool bias) {
  const Shape from = m.shape(x);
  const int64_t height = (from[1] + dilation - 1) / dilation;
  const int64_t width = (from[2] + dilation - 1) / dilation;
  // Every `dilation`th row and column are a picture of their own, filled up with zeros.
  const int64_t pictures = dilation * dilation;
  const auto place = [&](int64_t row, int64_t column) {
    const int64_t picture = row / height;
    return std::pair(row % height * dilation + picture / dilation,
                     column * dilation + picture % dilation);
  };
  std::vector<float> inside;
  for (int64_t row = 0; row < pictures * height; ++row)
    for (int64_t column = 0; column < width; ++column) {
      const auto [y, i] = place(row, column);
      inside.push_back(y < from[1] && i < from[2] ? 1.0f : 0.0f);
    }
  const auto name = fmt::format("every {}th", dilation);
  const ValueId apart =
      look_up(sized, m, x, name, pictures * height, width, [&](int64_t row, int64_t column) {
        const auto [y, i] = place(row, column);
        return std::pair(std::min(y, from[1] - 1), std::min(i, from[2] - 1));
      });
  const ValueId plane = table(sized, fmt::format("inside, {} of {}x{}", name, from[1], from[2]),
                              {pictures, height, width, 1}, std::move(inside));
  const ValueId filled =
      m.node(MultiplyPlane{}, {reshape(m, apart, {pictures, height, width, from[3]}), plane});
  const ValueId convolved =
      conv2d(m, filled, channels, 3, 3, Conv2d{.top = 1, .left = 1, .bottom = 1, .right = 1}, bias);
  return look_up(sized, m, reshape(m, convolved, {1, pictures * height, width, channels}),
                 name + " back", from[1], from[2], [&](int64_t row, int64_t column) {
                   const int64_t picture = row % dilation * dilation + column % dilation;
                   return std::pair(picture * height + row / dilation, column / dilation);
                 });
}

}  // namespace drypoint

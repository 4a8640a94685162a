// Layers of small networks that the models for drawing do not have, some of them with tables that
// follow from a picture's size.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "graph/builder.h"

namespace drypoint {

/// Values of an input.
using InputValues = std::variant<std::vector<float>, std::vector<int32_t>>;

/// A graph for one size of pictures, and those of its inputs that follow from the size alone.
struct SizedGraph {
  Graph graph;
  std::map<std::string, InputValues> tables = {};
};

/// A convolution of pictures of a size by filters of kernel x kernel with TensorFlow's padding:
/// what is missing to ceil(side / stride) results, the odd one at the end.
template <class Convolution>
Convolution same_padded(const Shape& size, int64_t kernel, int64_t stride) {
  const auto missing = [&](int64_t side) {
    const int64_t results = (side + stride - 1) / stride;
    return std::max<int64_t>((results - 1) * stride + kernel - side, 0);
  };
  const int64_t down = missing(size[1]), across = missing(size[2]);
  return {.stride = stride,
          .top = down / 2,
          .left = across / 2,
          .bottom = down - down / 2,
          .right = across - across / 2};
}

/// Padded so.
ValueId same_conv2d(const Module& m, ValueId x, int64_t channels, int64_t kernel,
                    int64_t stride = 1, bool bias = true);

/// Each channel by itself, by filters of kernel x kernel; stride and padding as `op` has them.
ValueId depthwise_conv2d(const Module& m, ValueId x, int64_t kernel, const DepthwiseConv2d& op,
                         bool bias = true);

/// PyTorch's InstanceNorm2d without weights: each channel of a picture by itself.
ValueId instance_norm(const Module& m, ValueId x);

/// x [1, H, W, C] with a margin on all sides, mirrored without repeating the border.
ValueId mirrored_margin(SizedGraph& sized, const Module& m, ValueId x, int64_t margin);

/// With one more row and column at the right and below, as those at the border.
ValueId repeated_border(SizedGraph& sized, const Module& m, ValueId x);

/// x [1, H, W, C] -> [1, height, width, C], bilinear, the corners upon each other (PyTorch's
/// align_corners).
ValueId interpolate_corners(SizedGraph& sized, const Module& m, ValueId x, int64_t height,
                            int64_t width);

/// Of 3 x 3 taps that are `dilation` pixels apart, padded so that the size stays.
ValueId dilated_conv2d(SizedGraph& sized, const Module& m, ValueId x, int64_t channels,
                       int64_t dilation, bool bias = true);

}  // namespace drypoint

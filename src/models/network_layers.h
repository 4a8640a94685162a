// Layers of small networks that the models for drawing do not have, some of them with tables that
// follow from a picture's size.
#pragma once

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

#include "models/dpt.h"

#include <fmt/format.h>

#include "models/network_file.h"

namespace drypoint {
namespace {

ValueId residual_unit(const Module& m, ValueId x) {
  const int64_t channels = m.shape(x).back();
  const ValueId h = relu(m, conv2d(m / "conv1", relu(m, x), channels));
  return add(m, conv2d(m / "conv2", h, channels), x);
}

}  // namespace

DptConfig detect_dpt(const NamedTensors& tensors, const std::string& prefix,
                     const std::string& last_but_one) {
  DptConfig config{.features = filters_of(tensors, prefix + "scratch.layer1_rn.weight"),
                   .hidden = filters_of(tensors, prefix + last_but_one)};
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* layer = tensors.find(fmt::format("{}scratch.layer{}_rn.weight", prefix, i + 1));
    if (layer && layer->shape().size() == 4) config.channels[i] = layer->shape()[1];
  }
  return config;
}

ValueId join_maps(SizedGraph& sized, const Module& m, const std::array<ValueId, 4>& maps,
                  const DptConfig& config) {
  const auto entered = [&](size_t i) {
    return conv2d(m / fmt::format("layer{}_rn", i + 1), maps[i], config.features, 3, 3,
                  Conv2d{.top = 1, .left = 1, .bottom = 1, .right = 1}, /*bias=*/false);
  };
  ValueId joined = -1;
  for (size_t i = 4; i-- > 0;) {
    const Module block = m / fmt::format("refinenet{}", i + 1);
    const ValueId own = entered(i);
    joined = joined < 0 ? own : add(block, joined, residual_unit(block / "resConfUnit1", own));
    joined = residual_unit(block / "resConfUnit2", joined);
    // The 1x1 convolution comes after the enlargement there; it is the same before, of fewer
    // pixels.
    joined = conv2d(block / "out_conv", joined, config.features, 1);
    const Shape finer = m.shape(maps[i > 0 ? i - 1 : 0]);
    const int64_t times = i > 0 ? 1 : 2;
    joined = interpolate_corners(sized, block, joined, times * finer[1], times * finer[2]);
  }
  return joined;
}

}  // namespace drypoint

#include "models/rrdb.h"

namespace drypoint {
namespace {

ValueId leaky(const Module& m, ValueId x) { return m.node(LeakyRelu{.slope = 0.2f}, {x}); }

/// x + 0.2 y.
ValueId add_share(const Module& m, ValueId x, ValueId y, ValueId residual_scale) {
  return m.node(AddScaled{0}, {x, y, residual_scale});
}

/// Each convolution sees the block's input and what those before it gave.
ValueId dense_block(const Module& m, ValueId x, const RrdbConfig& config, ValueId residual_scale) {
  std::vector<ValueId> seen{x};
  for (int i = 1; i <= 4; ++i) {
    const Module conv = m / ("conv" + std::to_string(i));
    const ValueId all = seen.size() > 1 ? conv.node(Concat{-1}, seen) : x;
    seen.push_back(leaky(conv, conv2d(conv, all, config.growth)));
  }
  const Module last = m / "conv5";
  const ValueId y = conv2d(last, last.node(Concat{-1}, seen), config.features);
  return add_share(m, x, y, residual_scale);
}

}  // namespace

Graph build_rrdb(const RrdbConfig& config, int64_t height, int64_t width) {
  Graph graph;
  const Module m(graph);
  const ValueId image =
      graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  const ValueId residual_scale =
      graph.add_input("residual_scale", {DType::f32, {1}}, Rate::picture);
  const ValueId first =
      conv2d(m / "conv_first", pixel_unshuffle(m, image, config.unshuffle), config.features);
  ValueId h = first;
  for (int64_t i = 0; i < config.blocks; ++i) {
    const Module block = m / "body" / i;
    ValueId inner = h;
    for (const char* name : {"rdb1", "rdb2", "rdb3"})
      inner = dense_block(block / name, inner, config, residual_scale);
    h = add_share(block, h, inner, residual_scale);
  }
  h = add(m, conv2d(m / "conv_body", h, config.features), first);
  for (int64_t i = 1; i <= config.doublings; ++i) {
    const Module up = m / ("conv_up" + std::to_string(i));
    const Shape size = m.shape(h);
    h = leaky(up, conv2d(up, upsample(up, h, 2 * size[1], 2 * size[2]), config.features));
  }
  h = leaky(m / "conv_hr", conv2d(m / "conv_hr", h, config.features));
  graph.outputs["enlarged"] = conv2d(m / "conv_last", h, 3);
  return graph;
}

}  // namespace drypoint

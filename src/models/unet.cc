#include "models/unet.h"

namespace drypoint {
namespace {

ValueId output_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const DenoiserConfig& config, const Shape& next_skip) {
  x = res_block(m / "0", x, embedding, config);
  int64_t i = 1;
  if (m.has("1.norm.weight")) x = spatial_transformer(m / i++, x, context, config);
  const Module last = m / i;
  if (!last.has("conv.weight")) return x;
  // As large as the next skip connection, which is odd where the encoder halved an odd size.
  return conv2d(last / "conv", upsample(last, x, next_skip[1], next_skip[2]));
}

}  // namespace

ValueId unet(const Module& m, ValueId x, ValueId embedding, ValueId context,
             const std::vector<ValueId>& controls, ValueId scales, const DenoiserConfig& config) {
  const auto controlled = [&](ValueId h, size_t i) {
    if (controls.empty()) return h;
    return m.node(AddScaled{static_cast<int64_t>(i)}, {h, controls[i], scales});
  };

  std::vector<ValueId> skips;
  ValueId h = x;
  for (int64_t i = 0; i < count_blocks(m, "input_blocks"); ++i) {
    h = input_block(m / "input_blocks" / i, h, embedding, context, config);
    skips.push_back(h);
  }
  h = middle_block(m / "middle_block", h, embedding, context, config);
  h = controlled(h, skips.size());

  for (int64_t i = 0; !skips.empty(); ++i) {
    const Module block = m / "output_blocks" / i;
    const size_t last = skips.size() - 1;
    h = block.node(Concat{-1}, {h, controlled(skips[last], last)});
    skips.pop_back();
    h = output_block(block, h, embedding, context, config,
                     skips.empty() ? m.shape(h) : m.shape(skips.back()));
  }
  h = silu(m / "out.1", group_norm(m / "out.0", h, config.groups, 1e-5f));
  return conv2d(m / "out.2", h);
}

}  // namespace drypoint

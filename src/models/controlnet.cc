#include "models/controlnet.h"

namespace drypoint {

ValueId hint_features(const Module& m, ValueId hint) {
  // Convolutions at 0, 2, ... 14 with SiLU between them; 4, 8 and 12 halve the size.
  ValueId h = hint;
  for (int64_t i = 0; i <= 14; i += 2) {
    const bool halves = i == 4 || i == 8 || i == 12;
    h = conv2d(m / "input_hint_block" / i, h, 1, halves ? 2 : 1);
    if (i < 14) h = silu(m / "input_hint_block" / (i + 1), h);
  }
  return h;
}

std::vector<ValueId> controls(const Module& m, ValueId x, ValueId features, ValueId embedding,
                              ValueId context, const DenoiserConfig& config) {
  std::vector<ValueId> controls;
  ValueId h = x;
  for (int64_t i = 0; i < count_blocks(m, "input_blocks"); ++i) {
    h = input_block(m / "input_blocks" / i, h, embedding, context, config);
    if (i == 0) h = add(m / "input_blocks.0", h, features);
    controls.push_back(conv2d(m / "zero_convs" / i / "0", h, 0));
  }
  h = middle_block(m / "middle_block", h, embedding, context, config);
  controls.push_back(conv2d(m / "middle_block_out.0", h, 0));
  return controls;
}

}  // namespace drypoint

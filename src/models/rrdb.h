// ESRGAN's network (https://arxiv.org/abs/1809.00219), as BasicSR's basicsr/archs/rrdbnet_arch.py
// has it: residual-in-residual dense blocks at the picture's size, then enlarged by nearest
// neighbours twice as wide and high at a time.
#pragma once

#include "graph/builder.h"

namespace drypoint {

struct RrdbConfig {
  int64_t unshuffle = 1;  // the picture's pixels that come as channels of one, along a side
  int64_t features = 0, growth = 0, blocks = 0;
  int64_t doublings = 2;
  bool operator==(const RrdbConfig&) const = default;

  int64_t scale() const { return (int64_t{1} << doublings) / unshuffle; }
};

/// "image" [1, H, W, 3], 0 to 1, and "residual_scale" [1], which is 0.2 -> "enlarged" [1, scale H,
/// scale W, 3]. Sides are multiples of `unshuffle`.
Graph build_rrdb(const RrdbConfig& config, int64_t height, int64_t width);

}  // namespace drypoint

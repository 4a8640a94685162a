// RealESRGAN's small network (https://arxiv.org/abs/2107.10833), as basicsr/archs/srvgg_arch.py has
// it (`SRVGGNetCompact`): convolutions at the picture's size, whose last channels are the enlarged
// one's pixels.
#pragma once

#include "graph/builder.h"

namespace drypoint {

struct SrvggConfig {
  int64_t features = 0;
  int64_t convolutions = 0;  // between the first and the last
  int64_t factor = 0;        // 1, 2 or 4
  bool operator==(const SrvggConfig&) const = default;

  int64_t scale() const { return factor; }
};

/// "image" [1, H, W, 3], 0 to 1 -> "enlarged" [1, scale H, scale W, 3].
Graph build_srvgg(const SrvggConfig& config, int64_t height, int64_t width);

}  // namespace drypoint

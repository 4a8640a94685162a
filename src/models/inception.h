// The Inception-v3 network (https://arxiv.org/abs/1512.00567) as the Frechet inception distance has
// it (https://arxiv.org/abs/1706.08500): pooled as in TensorFlow's original of 2015.
#pragma once

#include "graph/builder.h"

namespace drypoint {

/// Side of the pictures that it was made for.
inline constexpr int64_t inception_side = 299;

/// "image" [N, 299, 299, 3], -1 to 1 -> "features" [N, 2048]: the last block's, averaged over the
/// picture. Weights have the names that `read_inception` gives them.
Graph build_inception(int64_t batch);

}  // namespace drypoint

// PyTorch's ConvTranspose2d, as a convolution that gives the pixels of a square as channels.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"
#include "models/network_file.h"

namespace drypoint {

/// x [N, H, W, I] -> [N, stride H, stride W, channels]. The weight is what `stored_transposed`
/// makes of the file's; `taps`: 3, or 1 where pixels' squares do not overlap.
ValueId transposed_conv2d(const Module& m, ValueId x, int64_t channels, int64_t stride,
                          int64_t taps, bool bias = true);

/// Of which files have `name`.weight as [I, O, kernel, kernel], of a result `stride` times as
/// large, and graphs as [O stride^2, I, taps, taps], each with a bias to match if there is one. The
/// squares overlap where the kernel is larger than the stride.
StoredLayer stored_transposed(const std::string& name, int64_t stride, int64_t kernel);

}  // namespace drypoint

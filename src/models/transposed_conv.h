// PyTorch's ConvTranspose2d, as a convolution that gives the pixels of a square as channels.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"

namespace drypoint {

/// x [N, H, W, I] -> [N, stride H, stride W, channels]. The weight is what `convert_transposed`
/// makes of the file's; `taps`: 3, or 1 where pixels' squares do not overlap.
ValueId transposed_conv2d(const Module& m, ValueId x, int64_t channels, int64_t stride,
                          int64_t taps, bool bias = true);

/// Turns `name`.weight [I, O, K, K], of a result `stride` times as large, into [O stride^2, I,
/// taps, taps], and its bias, if there is one, to match. What has another shape stays as it is, for
/// `expect_exactly` to refuse.
void convert_transposed(NamedTensors& tensors, const std::string& name, int64_t stride,
                        int64_t padding, int64_t taps);

}  // namespace drypoint

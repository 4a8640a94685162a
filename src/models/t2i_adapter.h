// T2I-Adapter (https://arxiv.org/abs/2302.08453): a small network that turns a hint into features
// for each level of the UNet's encoder, once a picture. As in TencentARC's
// ldm/modules/encoders/adapter.py: `Adapter` and `Adapter_light`.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

/// The hint's sides are multiples of this.
inline constexpr int64_t t2i_adapter_multiple = 64;

/// hint [Nh, H, W, C] (0 to 1) -> the features of each level, [Nh, H / 8, W / 8, channels[0]] and
/// each next half as large.
std::vector<ValueId> adapter_features(const Module& m, ValueId hint,
                                      const T2iAdapterConfig& config);

/// Every tensor of such an adapter, by canonical name; of a model's number i.
std::vector<TensorSpec> tensors_of(const T2iAdapterConfig& config, size_t number = 0);

}  // namespace drypoint

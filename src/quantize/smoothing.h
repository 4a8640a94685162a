// SmoothQuant (https://arxiv.org/abs/2211.10438): factors that make the channels of an input more
// alike, at the cost of the weight's columns.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "runtime/executor.h"

namespace drypoint {

/// The largest magnitude of each channel that was seen.
class ChannelLimits {
 public:
  ChannelLimits() = default;
  explicit ChannelLimits(std::span<const float> limits) : limits_(limits.begin(), limits.end()) {}

  /// values [..., channels]
  void add(std::span<const float> values, size_t channels);
  std::span<const float> limits() const { return limits_; }
  Tensor as_tensor() const { return make_tensor({static_cast<int64_t>(limits_.size())}, limits_); }

 private:
  std::vector<float> limits_;
};

/// Whether the input of this watched module can have factors, and how many.
bool takes_factors(const Executor& denoiser, const std::string& module);
size_t channels_of(const Executor& denoiser, const std::string& module);

/// Of modules' inputs [K].
using Factors = std::map<std::string, std::vector<float>>;

/// One over limit^alpha / weight^(1 - alpha), for each channel's limit and the largest weight of
/// its column, with a geometric mean of 1.
Factors factors_for(const std::map<std::string, ChannelLimits>& channels, const NamedTensors& model,
                    double alpha);

/// values [..., K] times factors [K]
std::vector<float> times(std::span<const float> values, std::span<const float> factors);

}  // namespace drypoint

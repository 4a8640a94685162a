// A Brownian path that depends on its seed alone, however it is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "drypoint/sampling.h"

namespace drypoint {

/// What `torchsde.BrownianTree(t0, zeros, t1, entropy=seed)` gives, as k-diffusion's
/// BrownianTreeNoiseSampler asks it: the path between two ends is found by halving until the times
/// that are asked for, rounded to 1e-6, are ends of parts.
class BrownianTree {
 public:
  /// From sigma `low` to sigma `high`. `random` draws the numbers of every part.
  BrownianTree(const RandomOptions& random, uint64_t seed, double low, double high)
      : random_(random), seed_(seed), low_(low), high_(high) {}

  /// The way from one sigma to another, over the root of their distance: of unit variance. Ends
  /// outside of the path's are taken for those.
  void noise(double from, double to, std::span<float> values) const;

 private:
  using Numbers = std::vector<float>;
  struct Part {
    double begin, end;
    uint64_t key = 0;
    uint32_t depth = 0;
    Numbers increment;
  };
  Numbers numbers(uint32_t seed, size_t count) const;
  void add(const Part& part, double from, double to, std::span<float> sum) const;

  RandomOptions random_;
  uint64_t seed_;
  double low_, high_;
};

}  // namespace drypoint

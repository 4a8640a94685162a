// Normally distributed random numbers, the same as PyTorch's `torch.randn` for the same seed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "drypoint/sampling.h"

namespace drypoint {

class Generator {
 public:
  virtual ~Generator() = default;
  /// Fills `values` as one call of `torch.randn(values.size())` does; the next call goes on from
  /// there. Where a call ends matters: two calls give other numbers than one of twice the size.
  virtual void randn(std::span<float> values) = 0;
};

/// A generator as `torch.manual_seed(seed)` leaves it. Throws bad_argument.
std::unique_ptr<Generator> make_generator(const RandomOptions& options, uint64_t seed);

}  // namespace drypoint

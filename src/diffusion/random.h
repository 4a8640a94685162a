// Normally distributed random numbers, the same as PyTorch's `torch.randn` for the same seed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace drypoint {

enum class RandomKind {
  cpu,   ///< what PyTorch draws on a CPU: Mersenne twister, of which only the seed's low 32 bits
         ///< count
  cuda,  ///< what it draws on an NVIDIA GPU: Philox 4x32-10
};

class Generator {
 public:
  virtual ~Generator() = default;
  /// Fills `values` as one call of `torch.randn(values.size())` does; the next call goes on from
  /// there. Where a call ends matters: two calls give other numbers than one of twice the size.
  virtual void randn(std::span<float> values) = 0;
};

struct RandomOptions {
  RandomKind kind = RandomKind::cpu;
  /// The GPU to imitate: its number of multiprocessors, 1 to 1024, and how many threads each
  /// holds, 256 to 4096. They matter for draws of more numbers than all threads together. The
  /// default is an H100's.
  int multiprocessors = 132, threads = 2048;
};

/// A generator as `torch.manual_seed(seed)` leaves it. Throws bad_argument.
std::unique_ptr<Generator> make_generator(const RandomOptions& options, uint64_t seed);

}  // namespace drypoint

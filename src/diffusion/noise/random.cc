#include "diffusion/noise/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <random>
#include <utility>

#include "base/error.h"
#include "diffusion/noise/box_muller.h"
#include "diffusion/noise/gpu_sine.h"

namespace drypoint {
namespace {

/// PyTorch's CPUGeneratorImpl and the normal distribution over it (aten/src/ATen/native/cpu/
/// DistributionTemplates.h, aten/src/ATen/core/DistributionsHelper.h).
class CpuGenerator : public Generator {
 public:
  explicit CpuGenerator(uint64_t seed) : twister_(static_cast<uint32_t>(seed)) {}

  void randn(std::span<float> values) override {
    const size_t count = values.size();
    if (count < 16) {
      for (float& value : values) value = static_cast<float>(one());
      return;
    }
    for (float& value : values) value = uniform();
    box_muller(values.first(count / 16 * 16));
    if (count % 16 == 0) return;
    // The last 16 are drawn anew, over some that were done already.
    for (size_t i = count - 16; i < count; ++i) values[i] = uniform();
    box_muller(values.last(16));
  }

 private:
  float uniform() { return static_cast<float>(twister_() & 0xffffff) * 0x1p-24f; }
  double uniform_double() {
    const uint64_t high = twister_(), low = twister_();
    return static_cast<double>((high << 32 | low) & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
  }

  /// One number; the second of each pair waits for the next call.
  double one() {
    if (waiting_) return *std::exchange(waiting_, std::nullopt);
    const double turn = uniform_double(), distance = uniform_double();
    const double radius = std::sqrt(-2.0 * std::log1p(-distance));
    const double angle = 2.0 * std::numbers::pi * turn;
    waiting_ = radius * std::sin(angle);
    return radius * std::cos(angle);
  }

  std::mt19937 twister_;
  std::optional<double> waiting_;
};

/// J. Salmon and others, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t seed) {
  auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * counter[0], b = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(a)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// PyTorch's CUDAGeneratorImpl with the grid of its random kernels (aten/src/ATen/native/cuda/
/// DistributionTemplates.h) and cuRAND's curand_normal4.
class CudaGenerator : public Generator {
 public:
  CudaGenerator(uint64_t seed, int multiprocessors, int threads)
      : seed_(seed), most_blocks_(uint64_t{1} * multiprocessors * (threads / kBlock)) {}

  void randn(std::span<float> values) override {
    const uint64_t count = values.size();
    if (count == 0) return;
    const uint64_t threads = kBlock * std::min(most_blocks_, (count + kBlock - 1) / kBlock);
    // Every thread makes four numbers a round and places them `threads` apart.
    for (uint64_t first = 0; first < count; first += 4 * threads, ++offset_)
      for (uint64_t thread = 0; thread < std::min(threads, count - first); ++thread) {
        const auto bits =
            philox({static_cast<uint32_t>(offset_), static_cast<uint32_t>(offset_ >> 32),
                    static_cast<uint32_t>(thread), 0},
                   seed_);
        for (uint64_t i = 0, at = first + thread; i < 4 && at < count; ++i, at += threads)
          values[at] = normal(bits[i & 2], bits[i | 1], i & 1);
      }
  }

 private:
  static constexpr uint64_t kBlock = 256;

  /// The first or second number that Box and Muller make of two words. The sums are fused there.
  static float normal(uint32_t distance, uint32_t turn, bool second) {
    constexpr float kTurn = 0x1p-32f * 2.0f * std::numbers::pi_v<float>;
    const float u = std::fma(static_cast<float>(distance), 0x1p-32f, 0x1p-33f);
    const float angle = std::fma(static_cast<float>(turn), kTurn, kTurn / 2);
    // In double, since the logarithm of a float may be off by one in the last place.
    const float radius = std::sqrt(-2.0f * static_cast<float>(std::log(double{u})));
    return radius * (second ? gpu_cosine(angle) : gpu_sine(angle));
  }

  uint64_t seed_, most_blocks_;
  uint64_t offset_ = 0;  // rounds drawn so far
};

/// The web UI's modules/rng_philox.py: as the GPU's for draws that its threads take in one round,
/// the same for any other; the second of each pair of numbers is thrown away. In double, as numpy
/// computes it.
class NvGenerator : public Generator {
 public:
  explicit NvGenerator(uint64_t seed) : seed_(seed) {}

  void randn(std::span<float> values) override {
    constexpr double scale = 2.3283064e-10f, turn = static_cast<float>(2.3283064e-10 * 6.2831855);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto bits = philox({offset_, 0, static_cast<uint32_t>(i), 0}, seed_);
      const double u = bits[0] * scale + scale / 2, angle = bits[1] * turn + turn / 2;
      values[i] = static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::sin(angle));
    }
    ++offset_;
  }

 private:
  uint64_t seed_;
  uint32_t offset_ = 0;  // draws so far
};

}  // namespace

std::unique_ptr<Generator> make_generator(const RandomOptions& options, uint64_t seed) {
  if (options.kind == RandomKind::cpu) return std::make_unique<CpuGenerator>(seed);
  if (options.kind == RandomKind::nv) return std::make_unique<NvGenerator>(seed);
  const int multiprocessors = options.multiprocessors, threads = options.threads;
  if (multiprocessors < 1 || multiprocessors > 1024 || threads < 256 || threads > 4096)
    fail(ErrorKind::bad_argument,
         "rng: cuda:{}x{}, expected 1 to 1024 multiprocessors and 256 to 4096 threads",
         multiprocessors, threads);
  return std::make_unique<CudaGenerator>(seed, multiprocessors, threads);
}

}  // namespace drypoint

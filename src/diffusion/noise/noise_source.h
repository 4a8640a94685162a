// The noise of a picture's samples, in the order in which a run draws it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "diffusion/noise/brownian.h"
#include "diffusion/noise/random.h"
#include "diffusion/samplers/table.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// Whether each sample has a generator of its own, so that it is, byte for byte, the picture that
/// its seed gives alone.
bool has_own_noise(const Request& request);
/// The seed and the subseed of the sample of this number in a run.
uint64_t seed_of(const Request& request, uint64_t seed, int number);
uint64_t subseed_of(const Request& request, int number);

class NoiseSource {
 public:
  NoiseSource(const Request& request, uint64_t seed, const SamplerTable& table);

  /// The noise with which the walk begins, [samples, C, h, w]; `latent`: C, h, w.
  void begin(std::span<float> values, const std::array<int64_t, 3>& latent);
  /// Noise that comes before or after that which the walk begins with, [samples, C, h, w]; samples
  /// of one stream share one draw.
  void draw_shared(std::span<float> values, int samples);
  /// Fresh noise for a way from one sigma to another, after `begin`.
  void draw(std::span<float> values, const SamplerTable::Draw& way);

 private:
  /// Of one sample, or of all of them in one draw.
  struct Stream {
    uint64_t seed = 0, subseed = 0;
    std::unique_ptr<Generator> generator;
    std::optional<BrownianTree> path;
  };
  void begin(Stream& stream, std::span<float> values, const std::array<int64_t, 3>& latent) const;

  RandomOptions random_, of_steps_;
  int64_t ensd_;
  double subseed_strength_;
  ImageSize seed_resize_;
  bool anew_;  // the noise of steps does not go on where the first ended
  std::vector<Stream> streams_;
};

}  // namespace drypoint

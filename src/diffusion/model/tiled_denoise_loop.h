// The denoiser, run once for each window of each row of a sampler's table.
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "diffusion/model/tiles.h"
#include "diffusion/samplers/table.h"
#include "models/denoiser.h"
#include "runtime/executor.h"

namespace drypoint {

/// As `DenoiseLoop`, with the sampler's slots of the whole on the host between the steps.
class TiledDenoiseLoop {
 public:
  /// A denoiser of a tile's size that has all inputs of this tile at this row but the latents, the
  /// step and the noise, and has run `Rate::picture`. `shape` is a tile's.
  using Enter = std::function<Executor&(size_t row, size_t tile)>;
  TiledDenoiseLoop(const Tiles& tiles, const DenoiserShape& shape, const SamplerTable& table,
                   Enter enter)
      : tiles_(tiles), shape_(shape), table_(table), enter_(std::move(enter)) {}

  /// `noise`, the table's draws and `latent` are of the whole, as `DenoiseLoop::begin` has them.
  void begin(std::span<const float> noise, std::vector<std::span<const float>> draws,
             std::span<const float> latent);
  size_t row() const { return row_; }
  bool done() const { return row_ == table_.rows.size(); }
  void run(const StopRequested& stop);
  /// Slot 0 of the whole as it is.
  std::span<const float> first_slot() const {
    return std::span(slots_).first(slots_.size() / static_cast<size_t>(shape_.slots));
  }

 private:
  const Tiles& tiles_;
  const DenoiserShape& shape_;
  const SamplerTable& table_;
  Enter enter_;
  std::vector<std::span<const float>> draws_;
  std::vector<float> slots_;
  size_t row_ = 0;
};

}  // namespace drypoint

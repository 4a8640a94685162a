// A sampler as data: what to compute between two evaluations of the model.
#pragma once

#include <cstdint>
#include <vector>

namespace drypoint {

/// A walk from noise to a latent. The state is a few slots, each like a latent; the model sees slot
/// 0 as it lies there. After each evaluation every slot becomes a sum of all slots, the model's
/// output and fresh noise, with known coefficients. In the end slot 0 is the latent.
struct SamplerTable {
  /// One evaluation of the model and what follows it.
  struct Row {
    int step = 0;                  // of the walk, from 0; a step may take several evaluations
    double timestep = 0;           // that the model is told
    double input_scale = 1;        // slot 0 is here the sample times this
    double signal = 1, noise = 0;  // slot 0 is here signal * clean + noise * n
    bool between = false;          // two levels of the walk
    int draw = -1;                 // the number of the draw that is the fresh noise; -1: none
    /// [slots, slots + 2]: for each new slot the shares of slots, output, fresh noise.
    std::vector<float> matrix;

    bool operator==(const Row&) const = default;
  };
  /// Fresh noise for the way from one sigma to another.
  struct Draw {
    double from = 0, to = 0;

    bool operator==(const Draw&) const = default;
  };

  int64_t slots = 1;
  int steps = 0;
  /// Slot 0 begins as start_noise * n + start_draw * (draw 0) + start_latent * (the latent that is
  /// given), n of unit variance; others as 0.
  double start_noise = 1, start_draw = 0, start_latent = 0;
  std::vector<Row> rows;
  std::vector<Draw> draws;  // in the order in which they are to be drawn
  /// They are ways of one Brownian path from sigma to sigma, rather than numbers of their own.
  bool brownian = false;

  bool operator==(const SamplerTable&) const = default;
};

}  // namespace drypoint

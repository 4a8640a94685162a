// Fresh noise in samplers over sigma.
#pragma once

#include "diffusion/samplers/samplers.h"

namespace drypoint {

/// A step down to `down` and then up by fresh noise of `up`: down^2 + up^2 = to^2.
struct AncestralStep {
  double down, up;
};
AncestralStep ancestral_step(double from, double to, double eta);

/// A sample and where it stands after churn.
struct Churned {
  Latent x;
  NoiseLevel level;
};
/// Karras and others, "Elucidating the design space of diffusion-based generative models" (2022),
/// algorithm 2. A draw is made with every step, even where it is not used, so that a seed's noise
/// stays the same.
Churned churn(TableBuilder& table, const Walk& walk, int step, Latent x);

}  // namespace drypoint

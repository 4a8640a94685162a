// What the denoiser does at which steps.
#pragma once

#include <span>
#include <vector>

#include "diffusion/samplers/table.h"
#include "diffusion/units.h"
#include "models/denoiser.h"

namespace drypoint {

/// What is alike at some rows of a sampler's table.
struct Phase {
  std::vector<size_t> units;  // that steer
  bool guided = true;

  bool operator==(const Phase&) const = default;
};

struct Phases {
  std::vector<Phase> all;  // each once, in the order of their rows
  std::vector<size_t> of_row;

  bool operator==(const Phases&) const = default;
};

/// Of a request with these units. `guided`: whether there is guidance at all.
Phases phases_of(const Request& request, std::span<const Unit> units, bool guided,
                 const SamplerTable& table);

/// A denoiser's shape in one of them, of the shape with guidance, where there is any.
DenoiserShape shape_in(const Phase& phase, DenoiserShape shape, std::span<const Unit> units);

}  // namespace drypoint

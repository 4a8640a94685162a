// Requests on their way to pictures, alone or several that share their steps.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/stopwatch.h"
#include "diffusion/conditioning.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/first_latents.h"
#include "diffusion/initial.h"
#include "diffusion/model/stages.h"
#include "diffusion/model/tiles.h"
#include "diffusion/noise/noise_source.h"
#include "diffusion/phases.h"
#include "diffusion/units.h"

namespace drypoint {

/// A request from its checks to its pictures.
struct Generation {
  const Request& request;
  const Callbacks& callbacks;
  Result result;
  Prompts prompts;
  SamplerTable table;
  ImageSize size;
  std::vector<Unit> units;  // what steers
  Phases phases;
  NoiseSource noise;
  AdapterSet adapters;
  Stopwatch watch;
  std::optional<Conditioning> conditioning;  // of `prompts`, which stay where they are then
  std::optional<InitialPicture> initial;
  FirstLatents first;
  int vae_tile = 0;  // the request's, or what a limit of memory makes it
  // The pass over a larger latent, if there is one: what it begins with comes from this one.
  std::unique_ptr<const Request> second_request;
  std::unique_ptr<Generation> second;

  /// The windows of its latents that are denoised one by one: a single one unless `request.tile`.
  Tiles tiles() const;
  UnitSet units_in(const Phase& phase) const {
    UnitSet all;
    for (const size_t i : phase.units) all.push_back(&units[i]);
    return all;
  }
  void report(Stage stage, int done, int of, double timestep = 0) const {
    if (callbacks.progress) callbacks.progress({stage, done, of, timestep});
  }
  /// At once if someone listens, else with the result.
  void tell(const std::string& notice) {
    if (callbacks.notice)
      callbacks.notice(notice);
    else
      result.notices.push_back(notice);
  }
  void finish(Stage stage) { result.seconds.emplace_back(name(stage), watch.lap()); }
  bool is_given_up() const { return callbacks.stop && callbacks.stop(); }
};

/// Drawings that share their steps: one, or several with one sample each, alike in shape and in
/// what the denoiser has once for all.
using Batch = std::span<Generation* const>;

/// What the denoiser has once for all latents.
bool have_the_same(const Generation& a, const Generation& b);

/// Of the denoisers for its phases.
std::vector<DenoiserShape> shapes_of(const Stages& model, const Generation& drawing);

}  // namespace drypoint

// The choices that decide which numbers a run draws and which noise levels it visits.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace drypoint {

enum class RandomKind : uint8_t {
  cpu,   ///< what PyTorch draws on a CPU: Mersenne twister, of which only the seed's low 32 bits
         ///< count
  cuda,  ///< what it draws on an NVIDIA GPU: Philox 4x32-10
  nv,    ///< what the web UI's "NV" draws: the same for any GPU, of the whole seed
};

struct RandomOptions {
  RandomKind kind = RandomKind::cpu;
  /// The GPU to imitate: its number of multiprocessors, 1 to 1024, and how many threads each
  /// holds, 256 to 4096. They matter for draws of more numbers than all threads together. The
  /// default is an H100's.
  int multiprocessors = 132, threads = 2048;
};

/// Which noise levels a run visits; `steps` of them, where nothing else is said.
enum class ScheduleKind : uint8_t {
  automatic,  ///< the sampler's own
  exact,      ///< DDIM's: the first `steps` of the official list, as diffusers does ("leading")
  official,   ///< the official ControlNet code's list, longer where `steps` does not divide 1000
  trailing,   ///< diffusers' other spacings
  linspace,
  uniform,          ///< even in timesteps, from the last to the first
  karras,           ///< Karras and others', rho 7
  exponential,      ///< even in the logarithm of sigma
  polyexponential,  ///< rho 1
  sgm_uniform,      ///< even in timesteps, without the last
  simple,
  ddim,              ///< as `official`, without the trained level 0 as its end
  beta,              ///< quantiles over sigma
  align_your_steps,  ///< NVIDIA's table for Stable Diffusion 1.5
  kl_optimal,        ///< even in the arc tangent of sigma; it does not end without noise
  lcm,               ///< of the 50 timesteps that latent consistency models are distilled on
};

/// "karras", "automatic" ...
std::string_view name(ScheduleKind kind);
/// By its name or what other programs call it, case aside. Throws bad_argument naming the nearest.
ScheduleKind schedule_named(std::string_view name);
/// `count` noise levels of `karras`, `exponential`, `polyexponential` or `beta`, from `high` down
/// to `low`, both above 0. Throws bad_argument.
std::vector<double> sigmas_between(ScheduleKind kind, int64_t count, double low, double high);
/// "DDIM", "Euler a" ...
std::vector<std::string_view> sampler_names();
/// Whether a sampler, by any of its names, obeys a request's eta. Throws bad_argument.
bool sampler_takes_eta(std::string_view name);

/// By which formula a solver of the second order or higher weighs what it knows.
enum class Solver : uint8_t {
  automatic,  ///< the sampler's own
  midpoint,   ///< DPM-Solver++'s
  heun,
  bh1,  ///< UniPC's
  bh2,
};

/// Where a multistep sampler ends with lower orders.
enum class LowerOrder : uint8_t {
  automatic,  ///< as the sampler does
  off,        ///< only where a step leads to no noise at all
  on,         ///< in the last steps of fewer than 15
  last,       ///< in the last step, whatever their number
};

/// The deviation of the noise that a walk over clean + sigma * n begins with.
enum class FirstNoise : uint8_t {
  automatic,  ///< the sampler's own, or that of the program that is meant
  sigma,
  whole,  ///< sqrt(sigma^2 + 1), the sample's own
};

/// What a model's output means.
enum class Prediction : uint8_t {
  automatic,  ///< what the model says of itself
  epsilon,    ///< the noise
  v,          ///< signal * noise - noise level * clean (https://arxiv.org/abs/2202.00512)
  sample,     ///< the clean latent
};
/// "automatic", "epsilon", "v" or "sample".
std::string_view name(Prediction prediction);

/// Whose pictures are meant, where programs differ under one name (docs/command_line.md).
enum class CompatKind : uint8_t {
  automatic,  ///< nobody's in particular
  a1111,      ///< AUTOMATIC1111's web UI
  comfy,      ///< ComfyUI
  diffusers,
};

/// How the noise of several samples is drawn.
enum class NoiseKind : uint8_t {
  batch,       ///< in one draw for all, as the reference does
  per_sample,  ///< sample i from seed + i: the same whatever the number of samples
};

}  // namespace drypoint

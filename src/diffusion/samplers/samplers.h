// The samplers: each a function from the levels to visit to a table, in a file of its own.
#pragma once

#include <limits>
#include <span>

#include "diffusion/samplers/table_builder.h"

namespace drypoint {

/// What some samplers can be told. Each reads what its declaration names.
struct SamplerSettings {
  double eta = 1;      ///< fresh noise: 0 none, 1 as much as makes up for all that is taken
  double s_noise = 1;  ///< factor of fresh noise
  /// Karras and others' churn: noise that is added before a step, if sigma is within a range.
  double s_churn = 0, s_tmin = 0, s_tmax = std::numeric_limits<double>::infinity();
  int order = 2;
  Solver solver = Solver::midpoint;
  /// Not `automatic`, and `on` only where the walk is short enough.
  LowerOrder lower_order_final = LowerOrder::off;
};

/// What a sampler walks on.
struct Walk {
  const NoiseSchedule& trained;
  /// One for each step, the noisiest first, and the one where the last step leads.
  std::vector<NoiseLevel> levels;
  SamplerSettings settings;
  /// Samplers over clean + sigma * n begin with noise of this sigma and end with the result times
  /// this.
  double start_sigma, end_scale = 1;
  /// Where each step of DDIM leads, if not to the next level: diffusers counts back from a
  /// timestep.
  std::vector<NoiseLevel> ends;
  WalkStart start;
  /// Levels before, which diffusers' multistep samplers count as if they had been walked; else
  /// none.
  std::vector<NoiseLevel> skipped;

  int steps() const { return static_cast<int>(levels.size()) - 1; }
  /// `i` below 0 is of `skipped`, -1 the last.
  const NoiseLevel& level(int i) const { return i < 0 ? skipped.end()[i] : levels.begin()[i]; }
  double sigma(int i) const { return level(i).sigma(); }
  const NoiseLevel& end_of_step(int i) const {
    return ends.empty() ? level(i + 1) : ends[static_cast<size_t>(i)];
  }
  /// The half logarithm of the signal's share over the noise's grows by this in step i.
  double log_way(int i) const;
  /// Of step i of a multistep sampler, by what is known and what its settings say of the end.
  int order(int i) const;
  Latent begin(TableBuilder& table) const { return start_sigma * table.start(); }
  Latent end(Latent x) const { return end_scale * x; }
};

using Sampler = Latent (*)(TableBuilder& table, const Walk& walk);

// Latents as clean + sigma * n, after k-diffusion's sampling.py.
Latent euler(TableBuilder& table, const Walk& walk);               // churn
Latent euler_ancestral(TableBuilder& table, const Walk& walk);     // eta, s_noise
Latent heun(TableBuilder& table, const Walk& walk);                // churn
Latent dpm_2(TableBuilder& table, const Walk& walk);               // churn
Latent dpm_2_ancestral(TableBuilder& table, const Walk& walk);     // eta, s_noise
Latent lms(TableBuilder& table, const Walk& walk);                 // order, 1 to 4
Latent dpmpp_2s_ancestral(TableBuilder& table, const Walk& walk);  // eta, s_noise
Latent dpmpp_sde(TableBuilder& table, const Walk& walk);           // eta, s_noise
Latent dpmpp_2m_sde(TableBuilder& table, const Walk& walk);        // as below, and eta, s_noise
Latent dpmpp_3m_sde(TableBuilder& table, const Walk& walk);        // eta, s_noise
Latent restart(TableBuilder& table, const Walk& walk);             // s_noise
/// 2M and its kin. Order 1 to 3 (2M SDE: to 2), midpoint or heun, lower_order_final.
Latent dpmpp_multistep(TableBuilder& table, const Walk& walk);

// The same, after diffusers' schedulers.
Latent unipc(TableBuilder& table, const Walk& walk);  // order, 1 to 3; bh1 or bh2
Latent deis(TableBuilder& table, const Walk& walk);   // order, 1 to 3; lower_order_final

// Latents as signal * clean + noise * n, after diffusers' schedulers.
Latent ddim(TableBuilder& table, const Walk& walk);  // eta
Latent plms(TableBuilder& table, const Walk& walk);
Latent lcm(TableBuilder& table, const Walk& walk);
Latent tcd(TableBuilder& table, const Walk& walk);  // eta, there gamma: 0 to 1

}  // namespace drypoint

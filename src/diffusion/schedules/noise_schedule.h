// How much noise a model was trained to see at each timestep.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace drypoint {

/// How many timesteps the models were trained on.
constexpr int kNoiseLevels = 1000;

/// A sample at this level is signal * clean + noise * n with n of unit variance;
/// signal^2 + noise^2 = 1.
struct NoiseLevel {
  double timestep = 0;
  double signal = 1, noise = 0;

  /// k-diffusion's measure of the same: clean + sigma * n.
  double sigma() const { return noise / signal; }
};

/// The level without noise, where every walk ends but for few.
inline constexpr NoiseLevel kNoNoise{};

/// Stable Diffusion's own: the share of signal left in the variance, in float64 rounded to float32.
/// betas = linspace(sqrt 0.00085, sqrt 0.012, 1000)^2, alphas_cumprod = cumprod(1 - betas).
std::vector<float> default_alphas_cumprod();  // (1000)

class NoiseSchedule {
 public:
  /// `alphas_cumprod` (1000), named `source` in messages: bad_file unless it falls from below 1 to
  /// 0 or above.
  explicit NoiseSchedule(std::vector<float> alphas_cumprod = default_alphas_cumprod(),
                         const std::string& source = "alphas_cumprod");

  /// Without signal at the last timestep: square roots of alphas_cumprod shifted and scaled so that
  /// the last is 0 and the first stays (https://arxiv.org/abs/2305.08891, algorithm 1). `last` is
  /// written in the place of the last 0, for those who divide by it.
  NoiseSchedule with_zero_terminal_snr(float last = 0) const;

  /// Where no signal is left at the last timestep, with `last` for those who divide by it; usually
  /// the little that the web UI and ComfyUI give it, sigma 4519.
  NoiseSchedule with_finite_sigmas(float last = 4.8973451890853435e-08f) const;

  std::span<const float> alphas_cumprod() const { return alphas_cumprod_; }

  /// `timestep` from 0 to 999.
  NoiseLevel at(int timestep) const;
  /// Between two timesteps log(sigma) is linear in t, as in k-diffusion.
  NoiseLevel at_timestep(double timestep) const;
  /// The same with the logarithm of the signal linear in t, as in the official UniPC.
  NoiseLevel at_timestep_by_signal(double timestep) const;
  /// The level of any sigma; its timestep stays between 0 and 999.
  NoiseLevel at_sigma(double sigma) const;
  double sigma(int timestep) const { return at(timestep).sigma(); }

 private:
  void find_log_sigmas();

  std::vector<float> alphas_cumprod_;
  std::vector<double> log_sigmas_;
};

}  // namespace drypoint

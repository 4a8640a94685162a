#include "diffusion/schedules/noise_schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace drypoint {

std::vector<float> default_alphas_cumprod() {
  const double first = std::sqrt(0.00085), last = std::sqrt(0.012);
  std::vector<float> alphas(kNoiseLevels);
  double product = 1;
  for (int t = 0; t < kNoiseLevels; ++t) {
    const double root = first + t * ((last - first) / (kNoiseLevels - 1));
    product *= 1 - root * root;
    alphas[static_cast<size_t>(t)] = static_cast<float>(product);
  }
  return alphas;
}

NoiseSchedule::NoiseSchedule(std::vector<float> alphas_cumprod, const std::string& source)
    : alphas_cumprod_(std::move(alphas_cumprod)) {
  if (alphas_cumprod_.size() != kNoiseLevels)
    fail(ErrorKind::bad_file, "{}: has {} values, expected {}", source, alphas_cumprod_.size(),
         kNoiseLevels);
  for (size_t t = 0; t < kNoiseLevels; ++t)
    if (!(alphas_cumprod_[t] > 0 && alphas_cumprod_[t] < (t ? alphas_cumprod_[t - 1] : 1.0f)))
      fail(ErrorKind::bad_file, "{}: value {} is {}, expected values that fall from 1 to 0", source,
           t, alphas_cumprod_[t]);
  find_log_sigmas();
}

void NoiseSchedule::find_log_sigmas() {
  log_sigmas_.clear();
  for (int t = 0; t < kNoiseLevels; ++t) log_sigmas_.push_back(std::log(sigma(t)));
}

NoiseSchedule NoiseSchedule::with_zero_terminal_snr(float last) const {
  NoiseSchedule result = *this;
  const double first_root = std::sqrt(double{alphas_cumprod_.front()}),
               last_root = std::sqrt(double{alphas_cumprod_.back()});
  for (float& alpha : result.alphas_cumprod_)
    alpha = static_cast<float>(std::pow(
        (std::sqrt(double{alpha}) - last_root) * first_root / (first_root - last_root), 2));
  result.alphas_cumprod_.back() = last;
  result.find_log_sigmas();
  return result;
}

NoiseSchedule NoiseSchedule::with_finite_sigmas(float last) const {
  NoiseSchedule result = *this;
  if (alphas_cumprod_.back() == 0) result.alphas_cumprod_.back() = last;
  result.find_log_sigmas();
  return result;
}

NoiseLevel NoiseSchedule::at(int timestep) const {
  const double alpha = alphas_cumprod_.at(static_cast<size_t>(timestep));
  return {static_cast<double>(timestep), std::sqrt(alpha), std::sqrt(1 - alpha)};
}

NoiseLevel NoiseSchedule::at_timestep(double timestep) const {
  const double t = std::clamp(timestep, 0.0, kNoiseLevels - 1.0);
  const int low = std::min(static_cast<int>(t), kNoiseLevels - 2);
  if (t == low) return at(low);
  if (t == low + 1) return at(low + 1);
  const double log_sigma = std::lerp(log_sigmas_[static_cast<size_t>(low)],
                                     log_sigmas_[static_cast<size_t>(low) + 1], t - low);
  NoiseLevel level = at_sigma(std::exp(log_sigma));
  level.timestep = t;
  return level;
}

NoiseLevel NoiseSchedule::at_timestep_by_signal(double timestep) const {
  const double t = std::clamp(timestep, 0.0, kNoiseLevels - 1.0);
  const int low = std::min(static_cast<int>(t), kNoiseLevels - 2);
  const double signal =
      std::exp(std::lerp(std::log(at(low).signal), std::log(at(low + 1).signal), t - low));
  return {t, signal, std::sqrt(1 - signal * signal)};
}

NoiseLevel NoiseSchedule::at_sigma(double sigma) const {
  const double signal = 1 / std::hypot(1, sigma);
  if (sigma == 0) return kNoNoise;
  const double log_sigma = std::log(sigma);
  const auto above = std::upper_bound(log_sigmas_.begin(), log_sigmas_.end(), log_sigma);
  const auto low = std::clamp<std::ptrdiff_t>(above - log_sigmas_.begin() - 1, 0, kNoiseLevels - 2);
  const double first = log_sigmas_[static_cast<size_t>(low)],
               second = log_sigmas_[static_cast<size_t>(low) + 1];
  const double part = std::clamp((log_sigma - first) / (second - first), 0.0, 1.0);
  return {static_cast<double>(low) + part, signal, sigma * signal};
}

}  // namespace drypoint

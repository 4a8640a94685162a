#include "quantize/magnitudes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

constexpr double kept_share = 0.9999;  // by `percentile`
constexpr int tried_ranges = 128;      // by `mse`
constexpr size_t levels = 128;         // of i8 without its sign
constexpr double half = 1 << 24;       // floats count so far

}  // namespace

Magnitudes::Magnitudes(std::span<const float> contents, const std::string& file) : counts_(bins) {
  const bool fits = contents.size() == 2 + 2 * bins &&
                    std::ranges::all_of(contents, [](float v) { return v >= 0 && v < 1e30f; });
  if (!fits)
    fail(ErrorKind::bad_file, "{}: holds {} numbers of a module, expected {} from 0", file,
         contents.size(), 2 + 2 * bins);
  largest_ = contents[0], width_ = contents[1];
  for (size_t i = 0; i < bins; ++i)
    counts_[i] = double{contents[2 + i]} + half * double{contents[2 + bins + i]};
}

std::vector<float> Magnitudes::contents() const {
  std::vector<float> all{largest_, width_};
  for (const double count : counts_) all.push_back(static_cast<float>(std::fmod(count, half)));
  for (const double count : counts_) all.push_back(static_cast<float>(std::floor(count / half)));
  return all;
}

void Magnitudes::add(std::span<const float> values) {
  for (const float value : values) largest_ = std::max(largest_, std::fabs(value));
  if (largest_ == 0) {
    counts_[0] += static_cast<double>(values.size());
    return;
  }
  // A power of two, so that the same values give the same bins in whatever order they come.
  while (width_ * static_cast<float>(bins) < largest_) {
    if (width_ == 0) {
      width_ = std::exp2(std::floor(std::log2(largest_)) - 10);
      continue;
    }
    for (size_t i = 0; i < bins / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
    std::fill(counts_.begin() + bins / 2, counts_.end(), 0.0);
    width_ *= 2;
  }
  for (const float value : values)
    ++counts_[std::min(bins - 1, static_cast<size_t>(std::fabs(value) / width_))];
}

double Magnitudes::total() const { return std::accumulate(counts_.begin(), counts_.end(), 0.0); }

float Magnitudes::range(RangeMethod method, DType eight_bits) const {
  switch (method) {
    case RangeMethod::largest: return largest_;
    case RangeMethod::percentile: return std::min(percentile(), largest_);
    case RangeMethod::mse: return std::min(of_least_error(eight_bits), largest_);
    case RangeMethod::entropy: return std::min(of_least_divergence(), largest_);
  }
  return largest_;
}

float Magnitudes::percentile() const {
  const double wanted = kept_share * total();
  double seen = 0;
  for (size_t i = 0; i < bins; ++i)
    if ((seen += counts_[i]) >= wanted) return static_cast<float>(i + 1) * width_;
  return largest_;
}

float Magnitudes::of_least_error(DType eight_bits) const {
  float best = largest_;
  double least = INFINITY;
  for (int i = tried_ranges; i > tried_ranges / 8; --i) {
    const float range = largest_ * static_cast<float>(i) / tried_ranges;
    const float scale = scale_of(range, eight_bits);
    double error = 0;
    for (size_t bin = 0; bin < bins && error < least; ++bin) {
      if (counts_[bin] == 0) continue;
      const float value = middle(bin);
      const float rounded =
          from_eight_bits(to_eight_bits(value / scale, eight_bits), eight_bits) * scale;
      error += counts_[bin] * (double{value} - rounded) * (double{value} - rounded);
    }
    if (error < least) least = error, best = range;
  }
  return best;
}

/// Of ranges of whole bins: what lies beyond is counted at the end (P); the bins of each of 128
/// levels share what they hold (Q). (S. Migacz, "8-bit inference with TensorRT", GTC 2017.)
float Magnitudes::of_least_divergence() const {
  const size_t used =
      std::min<size_t>(bins, static_cast<size_t>(width_ > 0 ? std::ceil(largest_ / width_) : 0));
  if (used <= levels) return largest_;
  float best = largest_;
  double least = INFINITY;
  std::vector<double> p, q;
  for (size_t count = levels; count <= used; count += 8) {
    p.assign(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(count));
    q.assign(count, 0.0);
    for (size_t level = 0; level < levels; ++level) {
      const size_t begin = level * count / levels, end = (level + 1) * count / levels;
      double sum = 0, nonzero = 0;
      for (size_t i = begin; i < end; ++i) sum += p[i], nonzero += p[i] > 0;
      for (size_t i = begin; i < end; ++i)
        if (p[i] > 0) q[i] = sum / nonzero;
    }
    p.back() +=
        std::accumulate(counts_.begin() + static_cast<std::ptrdiff_t>(count), counts_.end(), 0.0);
    const double all_p = std::accumulate(p.begin(), p.end(), 0.0),
                 all_q = std::accumulate(q.begin(), q.end(), 0.0);
    double divergence = 0;
    for (size_t i = 0; i < count; ++i)
      if (p[i] > 0)
        divergence +=
            p[i] / all_p * std::log(p[i] / all_p / std::max(q[i] / std::max(all_q, 1.0), 1e-12));
    if (divergence < least) least = divergence, best = static_cast<float>(count) * width_;
  }
  return best;
}

}  // namespace drypoint

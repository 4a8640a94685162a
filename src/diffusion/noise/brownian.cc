#include "diffusion/noise/brownian.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "diffusion/noise/random.h"
#include "diffusion/noise/seed_sequence.h"

namespace drypoint {
namespace {

constexpr size_t kPool = 24;  // torchsde's default for trees

/// To six digits after the point, as Python's `round` does: the nearest decimal number.
double rounded_time(double time) {
  const std::string text = fmt::format("{:.6f}", time);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

BrownianTree::Numbers BrownianTree::numbers(uint32_t seed, size_t count) const {
  Numbers values(count);
  make_generator(random_, seed)->randn(values);
  return values;
}

/// The part between `from` and `to`, which lie in it. In float32 and in torchsde's order, so that
/// the sums are its own.
void BrownianTree::add(const Part& part, double from, double to, std::span<float> sum) const {
  if (from == part.begin && to == part.end) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += part.increment[i];
    return;
  }
  const double middle = rounded_time(0.5 * (part.end + part.begin));
  const uint32_t seed = seed_words(seed_, {part.key, part.depth}, kPool, 1)[0];
  Part left{part.begin, middle, 2 * part.key, part.depth + 1, numbers(seed, sum.size())};
  const double before = middle - part.begin, share = 1 / (part.end - part.begin);
  const auto deviation = static_cast<float>(std::sqrt(before * (part.end - middle) * share));
  for (size_t i = 0; i < sum.size(); ++i)
    left.increment[i] = static_cast<float>(before) * part.increment[i] * static_cast<float>(share) +
                        deviation * left.increment[i];
  if (from < middle) add(left, from, std::min(to, middle), sum);
  if (to <= middle) return;
  Part right{middle, part.end, 2 * part.key + 1, part.depth + 1, std::move(left.increment)};
  for (size_t i = 0; i < sum.size(); ++i)
    right.increment[i] = part.increment[i] - right.increment[i];
  add(right, std::max(from, middle), to, sum);
}

void BrownianTree::noise(double from, double to, std::span<float> values) const {
  // k-diffusion has sigmas in float32.
  const auto as_float = [](double sigma) { return double{static_cast<float>(sigma)}; };
  const double low = as_float(low_), high = as_float(high_);
  const double begin = rounded_time(low), end = rounded_time(high);
  const double first = as_float(std::min(from, to)), last = as_float(std::max(from, to));
  std::ranges::fill(values, 0.0f);
  const double first_time = rounded_time(std::clamp(first, begin, end)),
               last_time = rounded_time(std::clamp(last, begin, end));
  if (first_time < last_time) {
    Part whole{begin, end, 0, 0, numbers(seed_words(seed_, {}, kPool, 1)[0], values.size())};
    for (float& value : whole.increment) value *= static_cast<float>(std::sqrt(high - low));
    add(whole, first_time, last_time, values);
  }
  const float sign = from > to ? -1.0f : 1.0f;
  const float scale = std::sqrt(static_cast<float>(last) - static_cast<float>(first));
  for (float& value : values) value = scale > 0 ? sign * value / scale : 0.0f;
}

}  // namespace drypoint

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <span>

#include "base/error.h"
#include "drypoint/bench.h"

namespace drypoint {
namespace {

double percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// Leaves the values in another order.
double median(std::span<double> values) {
  const size_t below = (values.size() - 1) / 2;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::min_element(middle + 1, values.end())) / 2;
}

double median_of(std::vector<double> values) { return median(values); }

/// Pictures are redrawn thousands of times. More of them than this would take minutes, and make the
/// bounds hardly tighter; with fewer, bounds are wider, never too tight.
constexpr size_t most_pictures = 2000;

/// The median of as many blocks of values as there are (or `most_pictures`, evenly chosen), each
/// drawn by chance. `drawn` is only memory.
double median_of_redrawn(const std::vector<double>& values, size_t blocks, std::mt19937& random,
                         std::vector<double>& drawn) {
  const size_t length = values.size() / blocks, used = std::min(blocks, most_pictures);
  drawn.clear();
  for (size_t i = 0; i < used; ++i) {
    // Not uniform_int_distribution, which differs from one library to the next.
    const size_t block = random() % used * blocks / used;
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(block * length);
    drawn.insert(drawn.end(), begin, begin + static_cast<std::ptrdiff_t>(length));
  }
  return median(drawn);
}

constexpr int redraws = 2000;
constexpr double confidence = 0.99;
constexpr size_t fewest_pictures = 5;

PartComparison compare(const SizeBench& before, const PartTimes& old_times, const SizeBench& now,
                       const PartTimes& new_times) {
  PartComparison result;
  result.size = now.size;
  result.part = new_times.name;
  result.before = median_of(old_times.device);
  result.now = median_of(new_times.device);
  result.ratio = result.now / result.before;
  const auto blocks = [](const SizeBench& of, const PartTimes& times) {
    const auto pictures = static_cast<size_t>(std::max(of.iterations, 1));
    return times.device.size() % pictures == 0 ? pictures : times.device.size();
  };
  const size_t old_blocks = blocks(before, old_times), new_blocks = blocks(now, new_times);
  std::mt19937 random(1);
  std::vector<double> ratios, drawn;
  for (int i = 0; i < redraws; ++i) {
    const double redrawn = median_of_redrawn(new_times.device, new_blocks, random, drawn);
    ratios.push_back(redrawn / median_of_redrawn(old_times.device, old_blocks, random, drawn));
  }
  std::sort(ratios.begin(), ratios.end());
  result.low = percentile(ratios, (1 - confidence) / 2);
  result.high = percentile(ratios, (1 + confidence) / 2);
  result.beyond_noise =
      std::min(old_blocks, new_blocks) >= fewest_pictures && (result.low > 1 || result.high < 1);
  return result;
}

}  // namespace

Summary summarize(std::vector<double> values) {
  Summary s;
  s.count = values.size();
  if (values.empty()) return s;
  std::sort(values.begin(), values.end());
  s.min = values.front();
  s.max = values.back();
  s.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(s.count);
  s.median = percentile(values, 0.5);
  s.p90 = percentile(values, 0.9);
  s.p95 = percentile(values, 0.95);
  s.p99 = percentile(values, 0.99);
  double squares = 0;
  for (const double value : values) squares += (value - s.mean) * (value - s.mean);
  if (s.count > 1) s.deviation = std::sqrt(squares / static_cast<double>(s.count - 1));
  return s;
}

Comparison compare(const BenchResult& before, const BenchResult& now) {
  Comparison result;
  const auto expect_same = [&](std::string_view what, const auto& old_value, const auto& value) {
    if (old_value != value)
      result.differences.push_back(fmt::format("{}: {} before, {} now", what, old_value, value));
  };
  expect_same("version", before.version, now.version);
  expect_same("model", before.model, now.model);
  expect_same("control", before.control, now.control);
  expect_same("device", before.device, now.device);
  expect_same("threads", before.threads, now.threads);
  expect_same("batch", before.batch, now.batch);
  expect_same("steps", before.steps, now.steps);
  expect_same("scale", before.guidance_scale, now.guidance_scale);
  expect_same("transfers", before.transfers, now.transfers);
  bool share_a_size = false;
  for (const SizeBench& size : now.sizes)
    for (const SizeBench& old_size : before.sizes) {
      if (old_size.size != size.size) continue;
      share_a_size = true;
      for (const PartTimes& part : size.parts)
        for (const PartTimes& old_part : old_size.parts)
          if (old_part.name == part.name && !part.device.empty() && !old_part.device.empty())
            result.parts.push_back(compare(old_size, old_part, size, part));
    }
  if (!share_a_size) result.differences.emplace_back("sizes: none in common");
  return result;
}

}  // namespace drypoint

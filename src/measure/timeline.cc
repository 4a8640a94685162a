#include "measure/timeline.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace drypoint {

namespace {

double length(const std::vector<Interval>& run) {
  double ended = 0;
  for (const Interval& interval : run) ended = std::max(ended, interval.end);
  return run.empty() ? 0 : ended - run[0].begin;
}

}  // namespace

double mean_of_faster_half(std::vector<double> times) {
  DRYPOINT_EXPECT(!times.empty(), "no times");
  std::sort(times.begin(), times.end());
  times.resize((times.size() + 1) / 2);
  return std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
}

std::vector<Interval> typical(std::vector<std::vector<Interval>> runs) {
  DRYPOINT_EXPECT(!runs.empty(), "no runs");
  std::stable_sort(runs.begin(), runs.end(),
                   [](const auto& a, const auto& b) { return length(a) < length(b); });
  runs.resize((runs.size() + 1) / 2);
  const size_t count = runs[0].size();
  std::vector<double> lengths(count), leads(count);
  for (const auto& run : runs) {
    DRYPOINT_EXPECT(run.size() == count, "{} intervals and {}", run.size(), count);
    double ended = count ? run[0].begin : 0;
    for (size_t i = 0; i < count; ++i) {
      lengths[i] += (run[i].end - run[i].begin) / static_cast<double>(runs.size());
      leads[i] += (run[i].begin - ended) / static_cast<double>(runs.size());
      ended = std::max(ended, run[i].end);
    }
  }
  std::vector<Interval> result(count);
  double ended = 0, begun = 0;
  for (size_t i = 0; i < count; ++i) {
    begun = std::max(begun, ended + leads[i]);
    result[i] = {begun, begun + lengths[i]};
    ended = std::max(ended, result[i].end);
  }
  return result;
}

Occupancy occupancy(const std::vector<Interval>& intervals) {
  Occupancy all;
  double ended = intervals.empty() ? 0 : intervals[0].begin;
  for (const Interval& interval : intervals) {
    all.sum += interval.end - interval.begin;
    all.gaps += std::max(0.0, interval.begin - ended);
    all.busy += std::max(0.0, interval.end - std::max(ended, interval.begin));
    ended = std::max(ended, interval.end);
  }
  all.overlap = all.sum - all.busy;
  return all;
}

}  // namespace drypoint

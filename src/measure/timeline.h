// When operations began and ended, in several runs, as one.
#pragma once

#include <vector>

namespace drypoint {

struct Interval {
  double begin = 0, end = 0;
};

/// The mean of the faster half of some times: what disturbed the others does not show, and unlike
/// medians, means of parts add up to the mean of the whole.
double mean_of_faster_half(std::vector<double> times);

/// The run between the faster half of the runs, by the time from the first begin to the last end:
/// each interval has the mean of the lengths, and begins the mean time after (or, where intervals
/// overlap, before) all before it have ended. All runs have the same intervals, by their begins.
std::vector<Interval> typical(std::vector<std::vector<Interval>> runs);

struct Occupancy {
  double sum = 0;      // of the lengths
  double busy = 0;     // at least one
  double gaps = 0;     // none, between the first and the last
  double overlap = 0;  // sum - busy
};
/// Of intervals in the order of their begins.
Occupancy occupancy(const std::vector<Interval>& intervals);

}  // namespace drypoint

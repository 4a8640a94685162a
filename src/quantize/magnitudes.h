// How often values of each magnitude occur, and the ranges that follow.
#pragma once

#include <span>
#include <vector>

#include "drypoint/calibrate.h"
#include "tensor/dtype.h"

namespace drypoint {

/// A histogram whose range doubles as larger magnitudes come.
class Magnitudes {
 public:
  static constexpr size_t bins = 2048;

  Magnitudes() : counts_(bins) {}
  /// From what `contents` gave. Throws bad_file naming the file where that is no histogram.
  Magnitudes(std::span<const float> contents, const std::string& file);

  void add(std::span<const float> values);
  float largest() const { return largest_; }

  /// The range that a type is to keep of them; 0 where all were 0.
  float range(RangeMethod method, DType eight_bits) const;

  /// The largest, a bin's width, and the counts, exact up to 2^24 each and more in two halves.
  std::vector<float> contents() const;

 private:
  double total() const;
  float percentile() const;
  float of_least_error(DType eight_bits) const;
  float of_least_divergence() const;
  float middle(size_t bin) const { return (static_cast<float>(bin) + 0.5f) * width_; }

  float largest_ = 0, width_ = 0;
  std::vector<double> counts_;  // whole numbers
};

}  // namespace drypoint

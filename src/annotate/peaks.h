// Where parts of bodies are likeliest.
#pragma once

#include <span>
#include <vector>

#include "image/resize_floats.h"

namespace drypoint {

struct Peak {
  int x = 0, y = 0;
  double score = 0;
  bool operator==(const Peak&) const = default;
};

/// SciPy's gaussian_filter with sigma 3: down, then across, what is beyond the border mirrored with
/// it.
std::vector<double> smoothed(std::span<const double> plane, ImageSize size);

/// Finds where a plane, made as large as another size and smoothed, is above 0.1 and no less than
/// at the four neighbours. Most of it is nowhere near that, and is not worked out.
class PeakFinder {
 public:
  explicit PeakFinder(const FloatResize& resize);

  /// Row by row, with what the plane is there before it is smoothed. Throws bad_file for so many
  /// peaks that it cannot be OpenPose's network that finds them.
  std::vector<Peak> operator()(std::span<const float> plane) const;

 private:
  /// A place of the new size as a sum of weighted values that lie side by side: resized and
  /// smoothed at once, which is nearly what the one gives after the other.
  struct Place {
    size_t first = 0;
    std::vector<float> weights;
  };
  struct Side {
    std::vector<Place> places;
    float gain = 0;  // how much larger than the largest value a result may be
  };
  /// Places side by side, by what each value adds to them.
  struct Block {
    size_t first = 0;
    std::vector<std::vector<float>> weights;
  };
  struct Nearly;

  static Side smoothed_side(const SideShares& shares, int old_side);
  Nearly nearly(std::span<const float> plane) const;
  void add_peaks(std::span<const float> plane, int y, int first, int last,
                 std::vector<Peak>& peaks) const;

  const FloatResize& resize_;
  Side across_, down_;
  std::vector<Block> blocks_;  // across
};

}  // namespace drypoint

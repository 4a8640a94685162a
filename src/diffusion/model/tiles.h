// A plane cut into windows that overlap, and put together again from what was made of each.
#pragma once

#include <span>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

/// Windows of one size that cover a plane, spread evenly. Where several lie over each other, each
/// counts by a share that falls towards its border (feathering); shares sum to 1, and are exactly 1
/// where a window is alone.
class Tiles {
 public:
  /// How a plane's values lie in memory.
  enum class Layout : uint8_t {
    planes,  ///< [C, H, W]
    pixels,  ///< [H, W, C]
  };

  /// Windows of `side` at most, which overlap by `overlap` at least; side 0: one of the whole.
  Tiles(ImageSize whole, int side, int overlap);

  ImageSize whole() const { return {columns_.whole, rows_.whole}; }
  ImageSize size() const { return {columns_.length, rows_.length}; }
  size_t count() const { return rows_.starts.size() * columns_.starts.size(); }
  int left(size_t tile) const { return columns_.starts[tile % columns_.starts.size()]; }
  int top(size_t tile) const { return rows_.starts[tile / columns_.starts.size()]; }

  /// The same windows of a plane so many times as wide and high.
  Tiles times(int factor) const;

  /// The part of `values` that lies in a window.
  std::vector<float> cut(std::span<const float> values, size_t tile, Layout layout) const;
  /// Adds the window's share to `sum`, which begins with zeros.
  void add(std::span<const float> values, size_t tile, Layout layout, std::span<float> sum) const;

 private:
  /// Along one side.
  struct Windows {
    int whole = 0, length = 0, overlap = 0;
    std::vector<int> starts;
    std::vector<std::vector<float>> shares;  // of each window, [length]
  };
  Tiles() = default;
  static Windows windows(int whole, int side, int overlap);
  static void set_shares(Windows& windows);

  Windows columns_, rows_;
};

}  // namespace drypoint

// Planes of numbers of other sizes, as OpenCV's `resize` makes them of floats.
#pragma once

#include <span>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

enum class Interpolation : uint8_t {
  linear,   ///< INTER_LINEAR
  cubic,    ///< INTER_CUBIC with IPP
  cubic64,  ///< INTER_CUBIC of 64-bit floats, which IPP has not: places are rounded to 32 bits
  lanczos,  ///< INTER_LANCZOS4
  area,     ///< INTER_AREA, for sides that do not grow
};

/// What each place along a new side takes of which places along the old one: its shares lie one
/// after the other.
class SideShares {
 public:
  SideShares(int from, int to, Interpolation interpolation);

  size_t places() const { return begins_.size() - 1; }
  std::span<const size_t> from(size_t place) const { return part(from_, place); }
  std::span<const float> weights(size_t place) const { return part(weights_, place); }

 private:
  template <class Value>
  std::span<const Value> part(const std::vector<Value>& all, size_t place) const {
    return std::span(all).subspan(begins_[place], begins_[place + 1] - begins_[place]);
  }
  std::vector<size_t> begins_, from_;
  std::vector<float> weights_;
};

/// Makes planes of one size as large as another: rows first, then columns. Beyond the border all is
/// as at it.
class FloatResize {
 public:
  FloatResize(ImageSize from, ImageSize to, Interpolation interpolation)
      : from_(from),
        to_(to),
        across_(from.width, to.width, interpolation),
        down_(from.height, to.height, interpolation) {}

  /// [H, W, channels] -> the same at the other size.
  std::vector<float> operator()(std::span<const float> values, int channels) const {
    return first(values, channels, to_);
  }
  /// Of that, the first columns and rows.
  std::vector<float> first(std::span<const float> values, int channels, ImageSize part) const;
  /// Of that, one number.
  float at(std::span<const float> values, int channels, size_t channel, int x, int y) const;
  /// Of one channel's, what is at these columns of these rows.
  std::vector<float> at(std::span<const float> plane, std::span<const int> columns,
                        std::span<const int> rows) const;

  ImageSize from() const { return from_; }
  ImageSize to() const { return to_; }
  /// [channels] of each column of a row.
  void resize_row(const float* row, size_t channels, size_t columns, float* to) const;

  const SideShares& across() const { return across_; }
  const SideShares& down() const { return down_; }

 private:
  ImageSize from_, to_;
  SideShares across_, down_;
};

/// `second` of `first` of the values, of which only some rows are ever there.
std::vector<float> resize_twice(std::span<const float> values, int channels,
                                const FloatResize& first, const FloatResize& second);

inline std::vector<float> resize_floats(std::span<const float> values, int channels, ImageSize from,
                                        ImageSize to, Interpolation interpolation) {
  return FloatResize(from, to, interpolation)(values, channels);
}

/// A picture's pixels as numbers, [H, W, channels].
std::vector<float> as_floats(const Image& image);

}  // namespace drypoint

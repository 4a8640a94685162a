#include "diffusion/model/tiles.h"

#include <algorithm>

namespace drypoint {
namespace {

/// Calls `visit` with the places in the whole and in the window of each of its values, and its row
/// and column there.
template <class Visit>
void for_each_value(const Tiles& tiles, size_t tile, size_t channels, Tiles::Layout layout,
                    const Visit& visit) {
  const auto place = [&](ImageSize of, size_t c, size_t x, size_t y) {
    const auto width = static_cast<size_t>(of.width), height = static_cast<size_t>(of.height);
    return layout == Tiles::Layout::planes ? (c * height + y) * width + x
                                           : (y * width + x) * channels + c;
  };
  const ImageSize size = tiles.size();
  const auto left = static_cast<size_t>(tiles.left(tile)),
             top = static_cast<size_t>(tiles.top(tile));
  for (size_t y = 0; y < static_cast<size_t>(size.height); ++y)
    for (size_t c = 0; c < channels; ++c)
      for (size_t x = 0; x < static_cast<size_t>(size.width); ++x)
        visit(place(tiles.whole(), c, left + x, top + y), place(size, c, x, y), y, x);
}

size_t area(ImageSize size) {
  return static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
}

}  // namespace

Tiles::Tiles(ImageSize whole, int side, int overlap)
    : columns_(windows(whole.width, side, overlap)), rows_(windows(whole.height, side, overlap)) {}

Tiles::Windows Tiles::windows(int whole, int side, int overlap) {
  Windows all{whole, side == 0 ? whole : std::min(side, whole), overlap, {0}, {}};
  const int rest = whole - all.length;
  if (rest > 0) {
    const int step = all.length - overlap, further = (rest + step - 1) / step;
    for (int i = 1; i <= further; ++i)
      all.starts.push_back(static_cast<int>(int64_t{rest} * i / further));
  }
  set_shares(all);
  return all;
}

/// Ramps of the overlap's length towards each border that is not the plane's, over their sum.
void Tiles::set_shares(Windows& all) {
  all.shares.clear();
  std::vector<float> sums(static_cast<size_t>(all.whole));
  for (const int start : all.starts) {
    auto& shares = all.shares.emplace_back();
    for (int i = 0; i < all.length; ++i) {
      int ramp = all.overlap + 1;
      if (start > 0) ramp = std::min(ramp, i + 1);
      if (start + all.length < all.whole) ramp = std::min(ramp, all.length - i);
      shares.push_back(static_cast<float>(ramp) / static_cast<float>(all.overlap + 1));
      sums[static_cast<size_t>(start) + static_cast<size_t>(i)] += shares.back();
    }
  }
  for (size_t window = 0; window < all.starts.size(); ++window)
    for (size_t i = 0; i < all.shares[window].size(); ++i)
      all.shares[window][i] /= sums[static_cast<size_t>(all.starts[window]) + i];
}

Tiles Tiles::times(int factor) const {
  Tiles larger;
  for (const auto member : {&Tiles::columns_, &Tiles::rows_}) {
    Windows& all = larger.*member = this->*member;
    for (int* number : {&all.whole, &all.length, &all.overlap}) *number *= factor;
    for (int& start : all.starts) start *= factor;
    set_shares(all);
  }
  return larger;
}

std::vector<float> Tiles::cut(std::span<const float> values, size_t tile, Layout layout) const {
  const size_t channels = values.size() / area(whole());
  std::vector<float> part(channels * area(size()));
  for_each_value(*this, tile, channels, layout,
                 [&](size_t whole, size_t own, size_t, size_t) { part[own] = values[whole]; });
  return part;
}

void Tiles::add(std::span<const float> values, size_t tile, Layout layout,
                std::span<float> sum) const {
  const auto& rows = rows_.shares[tile / columns_.starts.size()];
  const auto& columns = columns_.shares[tile % columns_.starts.size()];
  for_each_value(*this, tile, values.size() / area(size()), layout,
                 [&](size_t whole, size_t own, size_t y, size_t x) {
                   sum[whole] += rows[y] * columns[x] * values[own];
                 });
}

}  // namespace drypoint

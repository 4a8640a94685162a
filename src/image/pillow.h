// Pictures of other sizes, to the pixel as Pillow's `Image.resize` makes them (up to version 12: 13
// goes down first where that is less work), and how one is fitted to a size that is drawn.
#pragma once

#include "drypoint/image.h"
#include "drypoint/resize_mode.h"

namespace drypoint {

enum class PillowFilter : uint8_t { nearest, bicubic, lanczos };

/// Kernels widen where a side shrinks. Any number of channels.
Image pillow_resize(const Image& image, ImageSize size, PillowFilter filter);

/// By Lanczos' filter, as the web UI does it.
Image fitted(const Image& image, ImageSize size, ResizeMode mode);

/// A part of a picture; parts of it outside stay 0.
struct Region {
  int x = 0, y = 0;
  ImageSize size;

  bool operator==(const Region&) const = default;
};
Image part_of(const Image& image, const Region& region);
/// Writes `part` over `image` from (x, y) on; what is outside is left out.
void put(Image& image, const Image& part, int x, int y);

/// Rec. 601 luma as Pillow's convert("L") has it: one channel.
Image as_grey(const Image& image);
/// Three channels; grey is copied.
Image as_rgb(const Image& image);

}  // namespace drypoint

// All of a picture within another size, as the web UI's ControlNet extension fits a hint.
#pragma once

#include "drypoint/image.h"

namespace drypoint {

/// Of a picture in its own proportions that covers as much of `to` as it can.
ImageSize size_within(ImageSize from, ImageSize to);

/// A picture of that size: averages where it shrinks, a cubic where it grows; one of 3 to 199
/// colours keeps these.
Image resized_within(const Image& image, ImageSize to);

/// In the middle of `to`, on its border's colour: of each channel the median.
Image on_border_colour(const Image& image, ImageSize to);
/// On white: what is around a mask is masked.
Image on_white(const Image& mask, ImageSize to);

}  // namespace drypoint

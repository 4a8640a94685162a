// Pictures of other sizes, to the pixel as OpenCV's `resize` makes them.
#pragma once

#include "drypoint/edges.h"
#include "drypoint/image.h"

namespace drypoint {

/// The average of the pixels under each pixel (INTER_AREA). Where only one side shrinks, OpenCV
/// weights two pixels of each side instead, and so does this.
Image resize_area(const Image& image, ImageSize size);

/// Lanczos' kernel over 8×8 pixels (INTER_LANCZOS4), which does not widen where a side shrinks.
Image resize_lanczos(const Image& image, ImageSize size);

/// Keys' cubic over 4×4 pixels, a = -0.75 (INTER_CUBIC), as IPP has it, with which OpenCV comes for
/// x86.
Image resize_cubic(const Image& image, ImageSize size);

}  // namespace drypoint

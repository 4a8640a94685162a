// From a picture to the edges that steer the drawing.
#pragma once

#include "drypoint/image.h"

namespace drypoint {

struct EdgeOptions {
  int resolution = 512;         ///< the shorter side of the result, about; 64 to 4096
  double low_threshold = 100;   ///< 0 to 1000, not above `high_threshold`
  double high_threshold = 200;  ///< 0 to 1000
  ImageSize size;               ///< of the result, instead of `resolution`; 0x0: by that
};

/// The size at which a picture of this size is drawn: with k = resolution / min(width, height),
/// each side becomes round(side·k / 64)·64, ties to even, and at least 64. Throws bad_argument if
/// the resolution is outside 64 to 4096, or the result over 100 megapixels.
ImageSize control_size(ImageSize size, int resolution);

/// The picture at that size: Lanczos (8×8) to enlarge, area averages to reduce.
Image resize_for_control(const Image& image, int resolution);
/// The largest part from its middle with the proportions of `size`, at that size. Throws
/// bad_argument for a side under 1, or over 100 megapixels.
Image resize_for_control(const Image& image, ImageSize size);

/// Canny's edges (aperture 3, L1 gradient; of the channels the one with the steepest gradient at
/// each pixel): one channel, 255 on an edge, else 0, same size. Throws bad_argument.
Image canny_edges(const Image& image, double low_threshold, double high_threshold);

/// Both: resized, then the edges. Throws bad_argument, out_of_memory.
Image control_edges(const Image& image, const EdgeOptions& options = {});

}  // namespace drypoint

// Pictures blurred, for masks and what lies under them.
#pragma once

#include "drypoint/image.h"

namespace drypoint {

/// OpenCV's GaussianBlur, to the pixel, with a kernel of 2 int(2.5 sigma + 0.5) + 1 pixels, across,
/// then down, as the web UI blurs a mask. One channel.
Image gaussian_blur(const Image& image, double sigma);

/// Pillow's GaussianBlur, to the pixel: three box blurs across, three down. One channel.
Image pillow_gaussian_blur(const Image& image, double sigma);

/// The web UI's masked content "fill": where the mask is white, the colours around it, blurred ever
/// wider. RGB; the mask has one channel.
Image filled_from_around(const Image& image, const Image& mask);

}  // namespace drypoint

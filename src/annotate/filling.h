// Pictures whose sides are filled up.
#pragma once

#include "drypoint/image.h"

namespace drypoint {

/// The size with sides filled up to multiples.
ImageSize filled_up(ImageSize size, int multiple);

/// The picture at another size, no smaller: what is missing at the right and below is as the
/// border.
Image filled_up(const Image& image, ImageSize size);

}  // namespace drypoint

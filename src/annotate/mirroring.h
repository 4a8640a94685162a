// Pictures whose sides are filled up by mirroring.
#pragma once

#include <span>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

/// The size with sides filled up to multiples.
ImageSize filled_up(ImageSize size, int multiple);

/// The picture at another size, no smaller: what is missing at the right and below is mirrored,
/// without repeating the border.
Image mirrored_to(const Image& image, ImageSize size);

/// Values, copied where they do not lie one after the other.
struct PartOfPlane {
  std::vector<float> own;
  std::span<const float> values;
};
/// The first rows and columns of a plane [from.height, from.width], which must live as long.
PartOfPlane cut_plane(std::span<const float> plane, ImageSize from, ImageSize to);

}  // namespace drypoint

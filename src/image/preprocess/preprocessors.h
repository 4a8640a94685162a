// The preprocessors there are, a file each. Each keeps the picture's size.
#pragma once

#include "drypoint/image.h"
#include "drypoint/preprocess.h"

namespace drypoint {

Image pass_on(const Image& image, const PreprocessOptions& options);
Image canny(const Image& image, const PreprocessOptions& options);
Image invert(const Image& image, const PreprocessOptions& options);
Image binarize(const Image& image, const PreprocessOptions& options);
Image scribble_xdog(const Image& image, const PreprocessOptions& options);
Image lineart_standard(const Image& image, const PreprocessOptions& options);
Image blur_gaussian(const Image& image, const PreprocessOptions& options);
Image tile_resample(const Image& image, const PreprocessOptions& options);
Image recolor_luminance(const Image& image, const PreprocessOptions& options);
Image recolor_intensity(const Image& image, const PreprocessOptions& options);
Image shuffle(const Image& image, const PreprocessOptions& options);
/// What is masked is taken from the hint where it is given to the ControlNet, as -1.
Image inpaint(const Image& image, const PreprocessOptions& options);

}  // namespace drypoint

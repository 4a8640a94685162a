#include "drypoint/edges.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image canny(const Image& image, const PreprocessOptions& options) {
  return canny_edges(image, *options.threshold_a, *options.threshold_b);
}

}  // namespace drypoint

#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image pass_on(const Image& image, const PreprocessOptions& /*options*/) { return image; }

}  // namespace drypoint

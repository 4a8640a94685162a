#include "models/lineart.h"

#include <cmath>

#include "annotate/networks.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

class LineartNetwork : public HintNetwork {
 public:
  explicit LineartNetwork(LineartFile file)
      : HintNetwork(std::move(file.tensors)), config_(file.config) {}

  SizedGraph build(ImageSize seen) const override {
    return build_lineart(config_, seen.height, seen.width);
  }
  NetworkInputs inputs(const Image& picture, ImageSize /*seen*/) const override {
    return image_alone(scaled_pixels(picture, 1 / 255.0f, 0));
  }
  /// White lines on black.
  Image hint(const Image& picture, ImageSize /*seen*/, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    Image hint = grey_like(picture);
    std::ranges::transform(outputs("lines"), hint.pixels.begin(), [](float line) {
      return static_cast<uint8_t>(255 - truncated(255 / (1 + std::exp(-line))));
    });
    return hint;
  }

 private:
  LineartConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_lineart_network(const std::filesystem::path& file) {
  return std::make_unique<LineartNetwork>(read_lineart(file));
}

}  // namespace drypoint

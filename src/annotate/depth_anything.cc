#include "models/depth_anything.h"

#include <cmath>

#include "annotate/depth.h"
#include "annotate/networks.h"
#include "image/resize_floats.h"

namespace drypoint {
namespace {

class DepthAnythingNetwork : public HintNetwork {
 public:
  explicit DepthAnythingNetwork(DepthAnythingFile file)
      : HintNetwork(std::move(file.tensors)), config_(file.config) {}

  /// No side under 518 pixels, in the picture's proportions but for whole patches.
  ImageSize seen_size(ImageSize picture) const override {
    constexpr int least = 37 * patch;
    const double scale = std::max(double(least) / picture.width, double(least) / picture.height);
    const auto in_patches = [&](int side) {
      const int rounded = static_cast<int>(std::nearbyint(side * scale / patch)) * patch;
      return std::max(rounded, least);
    };
    return {in_patches(picture.width), in_patches(picture.height)};
  }
  SizedGraph build(ImageSize seen) const override {
    SizedGraph sized = build_depth_anything(config_, seen.height, seen.width);
    sized.tables.merge(vit_positions(tensors(), depth_anything_vit, config_.vit,
                                     {seen.width / patch, seen.height / patch},
                                     PositionResize::dinov2));
    return sized;
  }
  NetworkInputs inputs(const Image& picture, ImageSize seen) const override {
    return image_alone(imagenet_pixels(resize_floats(scaled_pixels(picture, 1 / 255.0f, 0), 3,
                                                     {picture.width, picture.height}, seen,
                                                     Interpolation::cubic64)));
  }
  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    const ImageSize size{picture.width, picture.height};
    return depth_hint(resize_floats(outputs("depth"), 1, seen, size, Interpolation::linear), size);
  }

 private:
  static constexpr int patch = DepthAnythingConfig::patch;
  DepthAnythingConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_depth_anything_network(const std::filesystem::path& file) {
  return std::make_unique<DepthAnythingNetwork>(read_depth_anything(file, 1));
}
std::unique_ptr<HintNetwork> read_depth_anything_v2_network(const std::filesystem::path& file) {
  return std::make_unique<DepthAnythingNetwork>(read_depth_anything(file, 2));
}

}  // namespace drypoint

#include "models/normal_bae.h"

#include "annotate/networks.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

class NormalBaeNetwork : public HintNetwork {
 public:
  explicit NormalBaeNetwork(NormalBaeFile file)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  SizedGraph build(ImageSize seen) const override {
    return build_normal_bae(config_, seen.height, seen.width);
  }
  NetworkInputs inputs(const Image& picture, ImageSize /*seen*/) const override {
    return image_alone(imagenet_pixels(scaled_pixels(picture, 1 / 255.0f, 0)));
  }
  /// Right, up and towards the eye as red, green and blue, -1 to 1.
  Image hint(const Image& picture, ImageSize /*seen*/, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    const auto normals = outputs("normals");
    Image hint{picture.width, picture.height, 3, std::vector<uint8_t>(3 * pixels_of(picture))};
    for (size_t i = 0; i < pixels_of(picture); ++i)
      for (size_t c = 0; c < 3; ++c)
        hint.pixels[3 * i + c] = truncated((normals[4 * i + c] + 1) * 0.5f * 255);
    return hint;
  }

 private:
  NormalBaeConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_normal_bae_network(const std::filesystem::path& file) {
  return std::make_unique<NormalBaeNetwork>(read_normal_bae(file));
}

}  // namespace drypoint

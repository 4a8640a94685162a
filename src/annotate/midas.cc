#include "models/midas.h"

#include "annotate/depth.h"
#include "annotate/networks.h"

namespace drypoint {
namespace {

class MidasNetwork : public HintNetwork {
 public:
  explicit MidasNetwork(MidasFile file)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  SizedGraph build(ImageSize seen) const override {
    constexpr int patch = MidasConfig::patch;
    SizedGraph sized = build_midas(config_, seen.height, seen.width);
    sized.tables.merge(vit_positions(tensors(), midas_vit, config_.vit,
                                     {seen.width / patch, seen.height / patch},
                                     PositionResize::bilinear));
    return sized;
  }
  NetworkInputs inputs(const Image& picture, ImageSize /*seen*/) const override {
    return image_alone(scaled_pixels(picture, 1 / 127.5f, -1));
  }
  Image hint(const Image& picture, ImageSize /*seen*/, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    return depth_hint(outputs("depth"), {picture.width, picture.height});
  }

 private:
  MidasConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_midas_network(const std::filesystem::path& file) {
  return std::make_unique<MidasNetwork>(read_midas(file));
}

}  // namespace drypoint

#include "models/midas.h"

#include "annotate/depth.h"
#include "annotate/mirroring.h"
#include "annotate/networks.h"

namespace drypoint {
namespace {

class MidasNetwork : public HintNetwork {
 public:
  explicit MidasNetwork(MidasFile file)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  ImageSize seen_size(ImageSize picture) const override {
    return filled_up(picture, static_cast<int>(MidasConfig::multiple));
  }
  SizedGraph build(ImageSize seen) const override {
    constexpr int patch = MidasConfig::patch;
    SizedGraph sized = build_midas(config_, seen.height, seen.width);
    sized.tables.merge(vit_positions(tensors(), midas_vit, config_.vit,
                                     {seen.width / patch, seen.height / patch},
                                     PositionResize::bilinear));
    return sized;
  }
  NetworkInputs inputs(const Image& picture, ImageSize seen) const override {
    return image_alone(scaled_pixels(mirrored_to(picture, seen), 1 / 127.5f, -1));
  }
  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    const ImageSize size{picture.width, picture.height};
    return depth_hint(cut_plane(outputs("depth"), seen, size).values, size);
  }

 private:
  MidasConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_midas_network(const std::filesystem::path& file) {
  return std::make_unique<MidasNetwork>(read_midas(file));
}

}  // namespace drypoint

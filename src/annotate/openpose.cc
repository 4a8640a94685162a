#include "models/openpose.h"

#include "annotate/mirroring.h"
#include "annotate/networks.h"
#include "annotate/poses.h"
#include "image/pillow.h"
#include "image/preprocess/pixels.h"
#include "image/resample.h"
#include "image/resize_floats.h"

namespace drypoint {
namespace {

constexpr int stride = 8;  // pixels to a number of the network's results

/// The whole picture as the network sees it: half of 368 pixels high, before its sides are filled
/// up to multiples of the stride.
ImageSize scaled_size(ImageSize picture) {
  const double scale = 0.5 * 368 / picture.height;
  return {std::max(static_cast<int>(picture.width * scale), 1),
          std::max(static_cast<int>(picture.height * scale), 1)};
}

/// As controlnet-aux' smart_resize chooses, of sides that are yet to be rounded.
bool shrinks(double to, double from) { return to / from < 1; }

class OpenposeNetwork : public HintNetwork {
 public:
  explicit OpenposeNetwork(OpenposeFile file)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  ImageSize seen_size(ImageSize picture) const override {
    return filled_up(scaled_size(picture), stride);
  }

  SizedGraph build(ImageSize seen) const override {
    return {build_openpose(config_, seen.height, seen.width)};
  }

  NetworkInputs inputs(const Image& picture, ImageSize seen) const override {
    const ImageSize scaled = scaled_size({picture.width, picture.height});
    Image canvas{seen.width, seen.height, 3, {}};
    canvas.pixels.assign(3 * pixels_of(canvas), 128);
    put(canvas,
        as_rgb(shrinks(0.5 * 368, picture.height) ? resize_area(picture, scaled)
                                                  : resize_lanczos(picture, scaled)),
        0, 0);
    return {{"image", scaled_pixels(canvas, 1 / 256.0f, -0.5f, /*blue_first=*/true)}};
  }

  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    const ImageSize size{picture.width, picture.height};
    const auto limbs = enlarged(outputs("limbs"), 2 * OpenposeConfig::limbs, seen, size);
    const auto parts = enlarged(outputs("parts"), OpenposeConfig::parts + 1, seen, size);
    return drawn_poses(find_poses(limbs, parts, size), size);
  }

 private:
  /// What the network gave at the picture's size, without what filled it up.
  static std::vector<float> enlarged(std::span<const float> values, int channels, ImageSize seen,
                                     ImageSize size) {
    const ImageSize scaled = scaled_size(size);
    const std::vector<float> whole =
        resize_floats(values, channels, {seen.width / stride, seen.height / stride}, seen,
                      Interpolation::lanczos);
    const auto part = cut_plane(whole, {seen.width * channels, seen.height},
                                {scaled.width * channels, scaled.height});
    return resize_floats(part, channels, scaled, size,
                         shrinks(size.width + size.height, scaled.width + scaled.height)
                             ? Interpolation::area
                             : Interpolation::lanczos);
  }

  OpenposeConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_openpose_network(const std::filesystem::path& file) {
  return std::make_unique<OpenposeNetwork>(read_openpose(file));
}

}  // namespace drypoint

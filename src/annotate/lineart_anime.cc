#include "models/lineart_anime.h"

#include <cmath>

#include "annotate/filling.h"
#include "annotate/networks.h"
#include "image/preprocess/pixels.h"
#include "image/resample.h"
#include "image/resize_floats.h"

namespace drypoint {
namespace {

class LineartAnimeNetwork : public HintNetwork {
 public:
  explicit LineartAnimeNetwork(LineartAnimeFile file)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  ImageSize seen_size(ImageSize picture) const override {
    return filled_up(picture, static_cast<int>(config_.multiple()));
  }
  SizedGraph build(ImageSize seen) const override {
    return {build_lineart_anime(config_, seen.height, seen.width)};
  }
  NetworkInputs inputs(const Image& picture, ImageSize seen) const override {
    return image_alone(scaled_pixels(resize_cubic(picture, seen), 1 / 127.5f, -1));
  }
  /// White lines on black.
  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    std::vector<float> lines;
    for (const float value : outputs("lines")) lines.push_back(std::tanh(value) * 127.5f + 127.5f);
    lines = resize_floats(lines, 1, seen, {picture.width, picture.height}, Interpolation::cubic);
    Image hint = grey_like(picture);
    for (size_t i = 0; i < lines.size(); ++i) hint.pixels[i] = 255 - truncated(lines[i]);
    return hint;
  }

 private:
  LineartAnimeConfig config_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_lineart_anime_network(const std::filesystem::path& file) {
  return std::make_unique<LineartAnimeNetwork>(read_lineart_anime(file));
}

}  // namespace drypoint

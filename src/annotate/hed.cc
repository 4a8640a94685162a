#include "models/hed.h"

#include "annotate/networks.h"
#include "image/bilinear.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

class HedNetwork : public HintNetwork {
 public:
  HedNetwork(HedFile file, bool is_safe)
      : HintNetwork(std::move(file.tensors)), config_(std::move(file.config)), is_safe_(is_safe) {}

  SizedGraph build(ImageSize seen) const override {
    return {build_hed(config_, seen.height, seen.width)};
  }

  /// Less the network's mean colour.
  NetworkInputs inputs(const Image& picture, ImageSize) const override {
    std::vector<float> values = scaled_pixels(picture, 1, 0);
    const Tensor norm = tensors().at("norm").to_f32();
    const float mean[] = {norm.floats()[0], norm.floats()[1], norm.floats()[2]};
    for (size_t i = 0; i < values.size(); i += 3)
      for (size_t c = 0; c < 3; ++c) values[i + c] -= mean[c];
    return image_alone(std::move(values));
  }

  /// The blocks' edges, enlarged, on average, through a sigmoid.
  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    const size_t blocks = config_.blocks.size();
    std::vector<float> sum(pixels_of(picture));
    for (size_t i = 0; i < blocks; ++i)
      add_bilinear(outputs("edges" + std::to_string(i)), {seen.width >> i, seen.height >> i}, seen,
                   sum);
    Image hint = grey_like(picture);
    for (size_t i = 0; i < sum.size(); ++i) {
      const float edge = sigmoid(sum[i] / static_cast<float>(blocks));
      hint.pixels[i] = truncated((is_safe_ ? safe_step(edge) : edge) * 255);
    }
    return hint;
  }

 private:
  HedConfig config_;
  bool is_safe_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_hed_network(const std::filesystem::path& file) {
  return std::make_unique<HedNetwork>(read_hed(file), false);
}
std::unique_ptr<HintNetwork> read_hed_safe_network(const std::filesystem::path& file) {
  return std::make_unique<HedNetwork>(read_hed(file), true);
}

}  // namespace drypoint

#include "models/pidinet.h"

#include "annotate/networks.h"
#include "image/bilinear.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

class PidinetNetwork : public HintNetwork {
 public:
  PidinetNetwork(PidinetFile file, bool is_safe)
      : HintNetwork(std::move(file.tensors)), config_(file.config), is_safe_(is_safe) {}

  SizedGraph build(ImageSize seen) const override {
    return build_pidinet(config_, seen.height, seen.width);
  }
  NetworkInputs inputs(const Image& picture, ImageSize) const override {
    return image_alone(scaled_pixels(picture, 1 / 255.0f, 0, /*blue_first=*/true));
  }
  /// The levels' edges, as far as their gates let them through, enlarged and weighted.
  Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
             const PreprocessOptions& /*numbers*/) const override {
    const Tensor weights = tensors().at("classifier.weight").to_f32();
    std::vector<float> sum(pixels_of(picture), number("classifier.bias"));
    for (size_t level = 0; level < PidinetConfig::levels; ++level) {
      const std::string name = std::to_string(level);
      const float bias = number("conv_reduces." + name + ".conv.bias");
      const auto edges = outputs("edges" + name), gate = outputs("gate" + name);
      std::vector<float> own(edges.size());
      for (size_t i = 0; i < own.size(); ++i)
        own[i] = weights.floats()[level] * (sigmoid(gate[i]) * edges[i] + bias);
      add_bilinear(own, {seen.width >> level, seen.height >> level}, seen, sum);
    }
    Image hint = grey_like(picture);
    for (size_t i = 0; i < sum.size(); ++i) {
      const float edge = sigmoid(sum[i]);
      hint.pixels[i] = truncated((is_safe_ ? safe_step(edge) : edge) * 255);
    }
    return hint;
  }

 private:
  float number(const std::string& tensor) const {
    return tensors().at(tensor).to_f32().floats()[0];
  }

  PidinetConfig config_;
  bool is_safe_;
};

}  // namespace

std::unique_ptr<HintNetwork> read_pidinet_network(const std::filesystem::path& file) {
  return std::make_unique<PidinetNetwork>(read_pidinet(file), false);
}
std::unique_ptr<HintNetwork> read_pidinet_safe_network(const std::filesystem::path& file) {
  return std::make_unique<PidinetNetwork>(read_pidinet(file), true);
}

}  // namespace drypoint

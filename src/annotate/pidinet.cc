#include "models/pidinet.h"

#include "annotate/networks.h"
#include "image/bilinear.h"

namespace drypoint {
namespace {

class PidinetNetwork : public EdgeNetwork {
 public:
  explicit PidinetNetwork(PidinetFile file)
      : EdgeNetwork(std::move(file.tensors)), config_(file.config) {}

  SizedGraph build(ImageSize seen) const override {
    return build_pidinet(config_, seen.height, seen.width);
  }
  NetworkInputs inputs(const Image& picture) const override {
    return image_alone(scaled_pixels(picture, 1 / 255.0f, 0, /*blue_first=*/true));
  }
  /// The levels' edges, as far as their gates let them through, enlarged and weighted.
  std::vector<float> edges(ImageSize size, const NetworkOutputs& outputs) const override {
    const Tensor weights = tensors().at("classifier.weight").to_f32();
    std::vector<float> sum(static_cast<size_t>(size.width) * static_cast<size_t>(size.height),
                           number("classifier.bias"));
    for (size_t level = 0; level < PidinetConfig::levels; ++level) {
      const std::string name = std::to_string(level);
      const float bias = number("conv_reduces." + name + ".conv.bias");
      const auto edges = outputs("edges" + name), gate = outputs("gate" + name);
      std::vector<float> own(edges.size());
      for (size_t i = 0; i < own.size(); ++i)
        own[i] = weights.floats()[level] * (sigmoid(gate[i]) * edges[i] + bias);
      add_bilinear(own, {size.width >> level, size.height >> level}, size, sum);
    }
    for (float& value : sum) value = sigmoid(value);
    return sum;
  }

 private:
  float number(const std::string& tensor) const {
    return tensors().at(tensor).to_f32().floats()[0];
  }

  PidinetConfig config_;
};

}  // namespace

std::unique_ptr<EdgeNetwork> read_pidinet_network(const std::filesystem::path& file) {
  return std::make_unique<PidinetNetwork>(read_pidinet(file));
}

}  // namespace drypoint

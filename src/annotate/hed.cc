#include "models/hed.h"

#include "annotate/networks.h"
#include "image/bilinear.h"

namespace drypoint {
namespace {

class HedNetwork : public EdgeNetwork {
 public:
  explicit HedNetwork(HedFile file)
      : EdgeNetwork(std::move(file.tensors)), config_(std::move(file.config)) {}

  SizedGraph build(ImageSize seen) const override {
    return {build_hed(config_, seen.height, seen.width)};
  }

  /// Less the network's mean colour.
  NetworkInputs inputs(const Image& picture) const override {
    std::vector<float> values = scaled_pixels(picture, 1, 0);
    const Tensor norm = tensors().at("norm").to_f32();
    const float mean[] = {norm.floats()[0], norm.floats()[1], norm.floats()[2]};
    for (size_t i = 0; i < values.size(); i += 3)
      for (size_t c = 0; c < 3; ++c) values[i + c] -= mean[c];
    return image_alone(std::move(values));
  }

  /// The blocks' edges, enlarged, on average, through a sigmoid.
  std::vector<float> edges(ImageSize size, const NetworkOutputs& outputs) const override {
    const size_t blocks = config_.blocks.size();
    std::vector<float> sum(static_cast<size_t>(size.width) * static_cast<size_t>(size.height));
    for (size_t i = 0; i < blocks; ++i)
      add_bilinear(outputs("edges" + std::to_string(i)), {size.width >> i, size.height >> i}, size,
                   sum);
    for (float& value : sum) value = sigmoid(value / static_cast<float>(blocks));
    return sum;
  }

 private:
  HedConfig config_;
};

}  // namespace

std::unique_ptr<EdgeNetwork> read_hed_network(const std::filesystem::path& file) {
  return std::make_unique<HedNetwork>(read_hed(file));
}

}  // namespace drypoint

// Preprocessors that are networks: what goes into each, and what is made of what it gives.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "drypoint/image.h"
#include "drypoint/preprocess.h"
#include "models/network_layers.h"

namespace drypoint {

/// By the names of a graph's inputs.
using NetworkInputs = std::map<std::string, InputValues>;

/// A network from a file.
class HintNetwork {
 public:
  explicit HintNetwork(NamedTensors tensors) : tensors_(std::move(tensors)) {}
  virtual ~HintNetwork() = default;
  HintNetwork(const HintNetwork&) = delete;
  HintNetwork& operator=(const HintNetwork&) = delete;

  const NamedTensors& tensors() const { return tensors_; }

  /// The size at which the network sees a picture of this one.
  virtual ImageSize seen_size(ImageSize picture) const { return picture; }
  virtual SizedGraph build(ImageSize seen) const = 0;
  /// The picture as the graph takes it, and what else it takes.
  virtual NetworkInputs inputs(const Image& picture, ImageSize seen) const = 0;
  /// The hint, of the picture's size, from the graph's finite outputs by their names. The numbers
  /// are complete (`checked`).
  using Outputs = std::function<std::span<const float>(const std::string& name)>;
  virtual Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
                     const PreprocessOptions& numbers) const = 0;

 private:
  NamedTensors tensors_;
};

/// The network of the preprocessor of this name. Throws bad_argument for one that is none, bad_file
/// naming the tensor, unsupported for another network's file.
std::unique_ptr<HintNetwork> read_hint_network(std::string_view preprocessor,
                                               const std::filesystem::path& file);

/// The pixels, red, green and blue, each times `factor` plus `offset`; with `blue_first` the other
/// way round.
std::vector<float> scaled_pixels(const Image& image, float factor, float offset,
                                 bool blue_first = false);

}  // namespace drypoint

// Preprocessors that are networks: what goes into each, and what is made of what it gives.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <typeindex>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "drypoint/image.h"
#include "drypoint/preprocess.h"
#include "models/network_layers.h"

namespace drypoint {

/// By the names of a graph's inputs.
using NetworkInputs = std::map<std::string, InputValues>;

/// Of networks that take the picture alone.
inline NetworkInputs image_alone(std::vector<float> pixels) {
  NetworkInputs inputs;
  inputs["image"] = std::move(pixels);
  return inputs;
}

/// A network from a file: a graph for each size of what it sees.
class Network {
 public:
  explicit Network(NamedTensors tensors) : tensors_(std::move(tensors)) {}
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const NamedTensors& tensors() const { return tensors_; }
  virtual SizedGraph build(ImageSize seen) const = 0;

 private:
  NamedTensors tensors_;
};

/// A graph's finite outputs by their names, until the network runs again.
using NetworkOutputs = std::function<std::span<const float>(const std::string& name)>;
/// Runs a network at a size.
using RunNetwork = std::function<NetworkOutputs(const Network& network, ImageSize seen,
                                                const NetworkInputs& inputs)>;

/// Makes hints with one network, or with several that see what the ones before found.
class HintMaker {
 public:
  HintMaker() = default;
  virtual ~HintMaker() = default;
  HintMaker(const HintMaker&) = delete;
  HintMaker& operator=(const HintMaker&) = delete;

  /// The hint, of the picture's size, whose sides are multiples of 64, as each network's that sees
  /// the picture as it is are of a divisor. The numbers are complete (`checked`).
  virtual Image make(const Image& picture, const PreprocessOptions& numbers,
                     const RunNetwork& run) const = 0;
};

/// A network that sees the whole picture, once.
class HintNetwork : public Network, public HintMaker {
 public:
  using Network::Network;

  /// The size at which the network sees a picture of this one.
  virtual ImageSize seen_size(ImageSize picture) const { return picture; }
  /// The picture as the graph takes it, and what else it takes.
  virtual NetworkInputs inputs(const Image& picture, ImageSize seen) const = 0;
  using Outputs = NetworkOutputs;
  virtual Image hint(const Image& picture, ImageSize seen, const Outputs& outputs,
                     const PreprocessOptions& numbers) const = 0;

  Image make(const Image& picture, const PreprocessOptions& numbers,
             const RunNetwork& run) const final {
    const ImageSize seen = seen_size({picture.width, picture.height});
    return hint(picture, seen, run(*this, seen, inputs(picture, seen)), numbers);
  }
};

/// Networks by their files, each of which is read once, however many preprocessors it serves.
class NetworkFiles {
 public:
  /// What `read`, of a path, makes of the file.
  template <auto read>
  auto open(const std::filesystem::path& file) {
    using Own = typename decltype(read(file))::element_type;
    struct Reader {};
    std::error_code failed;
    const auto one_name = std::filesystem::canonical(file, failed);
    auto& known = opened_[{failed ? file : one_name, typeid(Reader)}];
    if (!known) known = read(file);
    return std::static_pointer_cast<const Own>(known);
  }

 private:
  std::map<std::pair<std::filesystem::path, std::type_index>, std::shared_ptr<const Network>>
      opened_;
};

/// The file of each of a preprocessor's networks: one of `Preprocessor::files`, then its
/// `further_files`.
using WeightFiles = std::span<const std::filesystem::path>;

/// That of the preprocessor of this name. Throws bad_argument for one that is no network, bad_file
/// naming the tensor, unsupported for another network's file.
std::shared_ptr<const HintMaker> read_hint_maker(std::string_view preprocessor, WeightFiles files,
                                                 NetworkFiles& networks);

/// The pixels, red, green and blue, each times `factor` plus `offset`; with `blue_first` the other
/// way round.
std::vector<float> scaled_pixels(const Image& image, float factor, float offset,
                                 bool blue_first = false);

}  // namespace drypoint

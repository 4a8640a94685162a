// The networks there are.
#pragma once

#include "annotate/hint_network.h"

namespace drypoint {

std::unique_ptr<HintNetwork> read_depth_anything_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_depth_anything_v2_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_lineart_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_lineart_anime_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_midas_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_mlsd_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_normal_bae_network(const std::filesystem::path& file);

/// A network that sees soft edges in the whole picture.
class EdgeNetwork : public Network {
 public:
  using Network::Network;
  virtual NetworkInputs inputs(const Image& picture) const = 0;
  /// Of each pixel how strong an edge there is, 0 to 1.
  virtual std::vector<float> edges(ImageSize size, const NetworkOutputs& outputs) const = 0;
};

std::unique_ptr<EdgeNetwork> read_hed_network(const std::filesystem::path& file);
std::unique_ptr<EdgeNetwork> read_pidinet_network(const std::filesystem::path& file);

/// What is drawn of those whom OpenPose's networks find.
struct PoseParts {
  bool bodies = true, hands = false, faces = false;
};
/// Files: of the network for bodies, by which hands and faces are found, then of those for hands
/// and faces as far as they are drawn.
std::shared_ptr<const HintMaker> read_openpose_networks(WeightFiles files, const PoseParts& parts,
                                                        NetworkFiles& networks);

/// Colours from 0 to 1, less ImageNet's means, divided by its deviations.
std::vector<float> imagenet_pixels(std::vector<float> pixels);

/// From 0 to 1.
float sigmoid(float value);

}  // namespace drypoint

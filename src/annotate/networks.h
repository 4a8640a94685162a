// The networks there are.
#pragma once

#include "annotate/hint_network.h"

namespace drypoint {

std::unique_ptr<HintNetwork> read_depth_anything_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_depth_anything_v2_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_hed_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_hed_safe_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_lineart_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_lineart_anime_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_midas_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_mlsd_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_normal_bae_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_pidinet_network(const std::filesystem::path& file);
std::unique_ptr<HintNetwork> read_pidinet_safe_network(const std::filesystem::path& file);

/// What is drawn of those whom OpenPose's networks find.
struct PoseParts {
  bool bodies = true, hands = false, faces = false;
};
/// Files: of the network for bodies, by which hands and faces are found, then of those for hands
/// and faces as far as they are drawn.
std::unique_ptr<HintMaker> read_openpose_networks(WeightFiles files, const PoseParts& parts);

/// Colours from 0 to 1, less ImageNet's means, divided by its deviations.
std::vector<float> imagenet_pixels(std::vector<float> pixels);

/// From 0 to 1.
float sigmoid(float value);

/// An edge's strength, 0 to 1, in few steps, so that a hint does not tell faint ones from none.
float safe_step(float strength);

}  // namespace drypoint

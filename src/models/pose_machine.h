// Convolutional pose machines (https://arxiv.org/abs/1602.00134) that find the points of a hand
// (https://arxiv.org/abs/1704.07809) or of a face, as OpenPose has them.
#pragma once

#include <filesystem>
#include <string_view>

#include "models/pose_layers.h"

namespace drypoint {

struct PoseMachineConfig {
  PoseTrunk trunk;
  int64_t wide = 0;    // of the first stage
  int64_t width = 0;   // of the later ones
  int64_t points = 0;  // that it knows
  int64_t stages = 0;
  bool operator==(const PoseMachineConfig&) const = default;
};

/// A network that is in use: the points of its kind, and what it is called in messages.
struct PoseMachineKind {
  int64_t points;
  std::string_view name;
};
constexpr PoseMachineKind hand_machine{21, "OpenPose network for hands (hand_pose_model.pth)"};
constexpr PoseMachineKind face_machine{70, "OpenPose network for faces (facenet.pth)"};

/// "image" [1, H, W, 3], blue first, -0.5 to 0.5, sides multiples of 8 -> "points" [1, H / 8, W /
/// 8, points + 1], how likely each is there, and none.
Graph build_pose_machine(const PoseMachineConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const PoseMachineConfig& config);

struct PoseMachineFile {
  NamedTensors tensors;
  PoseMachineConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
PoseMachineFile read_pose_machine(const std::filesystem::path& path, const PoseMachineKind& kind);

}  // namespace drypoint

// Bodies out of what OpenPose's network sees, and their drawing, as controlnet-aux has them.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "drypoint/image.h"
#include "models/openpose.h"

namespace drypoint {

/// A part of a body, in pixels.
struct Keypoint {
  int x = 0, y = 0;
};

/// Nose, neck, right shoulder, elbow, wrist, left ones, right hip, knee, ankle, left ones, right
/// and left eye, right and left ear.
using Pose = std::array<std::optional<Keypoint>, OpenposeConfig::parts>;

/// `limbs` [H, W, 38], `parts` [H, W, 19], see `build_openpose`: for each part its peaks, for each
/// limb those two peaks between which it lies, and of these, bodies. Throws bad_file for so many
/// peaks that it cannot be such a network's.
std::vector<Pose> find_poses(std::span<const float> limbs, std::span<const float> parts,
                             ImageSize size);

/// RGB, on black: limbs in 60 % of their colours, then parts.
Image drawn_poses(std::span<const Pose> poses, ImageSize size);

}  // namespace drypoint

// Bodies, hands and faces out of what OpenPose's networks see, and their drawing, as controlnet-aux
// has them.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "annotate/networks.h"
#include "annotate/shapes.h"
#include "image/pillow.h"
#include "models/openpose.h"

namespace drypoint {

/// Nose, neck, right shoulder, elbow, wrist, left ones, right hip, knee, ankle, left ones, right
/// and left eye, right and left ear.
using Pose = std::array<std::optional<Keypoint>, OpenposeConfig::parts>;
/// Of a hand or a face, in the order of its network; empty where there is none.
using Keypoints = std::vector<std::optional<Keypoint>>;

struct Person {
  Pose body;
  Keypoints left_hand = {}, right_hand = {}, face = {};
};

/// `limbs` [H, W, 38], `parts` [H, W, 19], see `build_openpose`: for each part its peaks, for each
/// limb those two peaks between which it lies, and of these, bodies. Throws bad_file for so many
/// peaks that it cannot be such a network's.
std::vector<Pose> find_poses(std::span<const float> limbs, std::span<const float> parts,
                             ImageSize size);

/// Squares in which a hand lies by its arm; none for an arm that is not there or too small.
struct HandBoxes {
  std::optional<Region> left, right;
};
HandBoxes hand_boxes(const Pose& body, ImageSize size);
/// By nose, eyes and ears; a square as far as it is in the picture.
std::optional<Region> face_box(const Pose& body, ImageSize size);

/// `points` [128, 128, 22], see `build_pose_machine`: each in the region where it is likeliest.
Keypoints find_hand(std::span<const double> points, const Region& box);
constexpr int hand_side = 128;
/// `points` [side, side, 71]: each where it is likeliest, and one more where there is none.
Keypoints find_face(std::span<const float> points, int side, const Region& box);

/// SciPy's gaussian_filter with sigma 3: down, then across, what is beyond the border mirrored with
/// it.
std::vector<double> smoothed(std::span<const double> plane, ImageSize size);

/// RGB, on black. Of bodies limbs in 60 % of their colours, then parts.
Image drawn_poses(std::span<const Person> people, ImageSize size, const PoseParts& parts);

}  // namespace drypoint

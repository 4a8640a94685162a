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
#include "image/resize_floats.h"
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

/// Between which parts a limb lies, and which of the network's results are its direction.
struct BodyLimb {
  size_t from, to;  // parts
  size_t channel;   // of its direction's x, before that of y
};
constexpr std::array<BodyLimb, OpenposeConfig::limbs> body_limbs{{{1, 2, 12},
                                                                  {1, 5, 20},
                                                                  {2, 3, 14},
                                                                  {3, 4, 16},
                                                                  {5, 6, 22},
                                                                  {6, 7, 24},
                                                                  {1, 8, 0},
                                                                  {8, 9, 2},
                                                                  {9, 10, 4},
                                                                  {1, 11, 6},
                                                                  {11, 12, 8},
                                                                  {12, 13, 10},
                                                                  {1, 0, 28},
                                                                  {0, 14, 30},
                                                                  {14, 16, 34},
                                                                  {0, 15, 32},
                                                                  {15, 17, 36},
                                                                  {2, 16, 18},
                                                                  {5, 17, 26}}};

/// `limbs` [H, W, 38], `parts` [H, W, 19], see `build_openpose`, as large as `resize` takes them,
/// who makes them as large as the picture: for each part its peaks, for each limb those two peaks
/// between which it lies, and of these, bodies. Throws bad_file as `PeakFinder` does.
std::vector<Pose> find_poses(std::span<const float> limbs, std::span<const float> parts,
                             const FloatResize& resize);

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

/// RGB, on black. Of bodies limbs in 60 % of their colours, then parts.
Image drawn_poses(std::span<const Person> people, ImageSize size, const PoseParts& parts);

}  // namespace drypoint

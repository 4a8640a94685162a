// What OpenPose's networks share: the first convolutions, which are VGG's, and stages, of which
// each refines what the one before gave.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"

namespace drypoint {

/// Of each block the channels of its convolutions. The second, third and fourth block see half the
/// size of the one before.
using PoseTrunk = std::vector<std::vector<int64_t>>;

/// The name of a trunk's convolution: those that VGG has not are the last block's from the third
/// on.
std::string trunk_convolution(size_t blocks, size_t block, size_t number);

PoseTrunk detect_trunk(const NamedTensors& tensors, size_t blocks);
/// The first stage, and those after it whose names end so ("_L1"). More than `most_pose_stages` are
/// not counted.
int64_t count_stages(const NamedTensors& tensors, const std::string& end);
constexpr int64_t most_pose_stages = 16;

/// A convolution and a ReLU.
ValueId convolve(const Module& m, ValueId x, int64_t channels, int64_t kernel);

/// [1, H, W, 3] -> [1, H / 8, W / 8, the last one's channels].
ValueId pose_trunk(const Module& m, ValueId image, const PoseTrunk& trunk);

/// A later stage ("stage2_L1"), on all that it is to see: five convolutions of 7 x 7 and two pixel
/// by pixel.
ValueId later_stage(const Module& m, ValueId x, const std::string& stage, int64_t width,
                    int64_t results);

}  // namespace drypoint

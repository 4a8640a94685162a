#include "models/pose_layers.h"

#include <fmt/format.h>

#include "models/network_file.h"

namespace drypoint {

std::string trunk_convolution(size_t blocks, size_t block, size_t number) {
  const bool is_own = block + 1 == blocks && number >= 2;
  return fmt::format("conv{}_{}{}", block + 1, number + 1, is_own ? "_CPM" : "");
}

PoseTrunk detect_trunk(const NamedTensors& tensors, size_t blocks) {
  PoseTrunk trunk;
  for (size_t block = 0; block < blocks; ++block) {
    auto& own = trunk.emplace_back();
    while (const int64_t filters =
               filters_of(tensors, trunk_convolution(blocks, block, own.size()) + ".weight"))
      own.push_back(filters);
  }
  return trunk;
}

int64_t count_stages(const NamedTensors& tensors, const std::string& end) {
  int64_t stages = 1;
  while (stages <= most_pose_stages &&
         tensors.has(fmt::format("Mconv1_stage{}{}.weight", stages + 1, end)))
    ++stages;
  return stages;
}

ValueId convolve(const Module& m, ValueId x, int64_t channels, int64_t kernel) {
  return relu(m, conv2d(m, x, channels, kernel));
}

ValueId pose_trunk(const Module& m, ValueId image, const PoseTrunk& trunk) {
  ValueId x = image;
  for (size_t block = 0; block < trunk.size(); ++block) {
    if (block >= 1 && block <= 3) x = m.node(MaxPool{.size = 2, .stride = 2}, {x});
    for (size_t i = 0; i < trunk[block].size(); ++i)
      x = convolve(m / trunk_convolution(trunk.size(), block, i), x, trunk[block][i], 3);
  }
  return x;
}

ValueId later_stage(const Module& m, ValueId x, const std::string& stage, int64_t width,
                    int64_t results) {
  const auto layer = [&](int number) { return m / fmt::format("Mconv{}_{}", number, stage); };
  for (int i = 1; i <= 5; ++i) x = convolve(layer(i), x, width, 7);
  return conv2d(layer(7), convolve(layer(6), x, width, 1), results, 1);
}

}  // namespace drypoint

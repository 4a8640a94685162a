#include "models/openpose.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"

namespace drypoint {
namespace {

constexpr int64_t most_stages = 16;

std::string trunk_convolution(size_t block, size_t number) {
  return fmt::format("conv{}_{}{}", block + 1, number + 1, block == 3 && number >= 2 ? "_CPM" : "");
}

ValueId convolve(const Module& m, ValueId x, int64_t channels, int64_t kernel) {
  return relu(m, conv2d(m, x, channels, kernel));
}

/// The first stage's branch of the limbs (L1) or of the parts (L2).
ValueId first_branch(const Module& m, ValueId x, const std::string& branch, int64_t results,
                     const OpenposeConfig& config) {
  const auto layer = [&](int number) { return m / fmt::format("conv5_{}_CPM_{}", number, branch); };
  for (int i = 1; i <= 3; ++i) x = convolve(layer(i), x, config.width, 3);
  return conv2d(layer(5), convolve(layer(4), x, config.wide, 1), results, 1);
}

/// A later stage's, on all that the one before gave.
ValueId later_branch(const Module& m, ValueId x, int64_t stage, const std::string& branch,
                     int64_t results, const OpenposeConfig& config) {
  const auto layer = [&](int number) {
    return m / fmt::format("Mconv{}_stage{}_{}", number, stage, branch);
  };
  for (int i = 1; i <= 5; ++i) x = convolve(layer(i), x, config.width, 7);
  return conv2d(layer(7), convolve(layer(6), x, config.width, 1), results, 1);
}

OpenposeConfig detect_openpose(const NamedTensors& tensors) {
  OpenposeConfig config;
  for (size_t block = 0; block < 4; ++block) {
    auto& own = config.trunk.emplace_back();
    while (const int64_t filters =
               filters_of(tensors, trunk_convolution(block, own.size()) + ".weight"))
      own.push_back(filters);
  }
  config.width = filters_of(tensors, "conv5_1_CPM_L1.weight");
  config.wide = filters_of(tensors, "conv5_4_CPM_L1.weight");
  config.stages = 1;
  while (config.stages <= most_stages &&
         tensors.has(fmt::format("Mconv1_stage{}_L1.weight", config.stages + 1)))
    ++config.stages;
  return config;
}

}  // namespace

Graph build_openpose(const OpenposeConfig& config, int64_t height, int64_t width) {
  constexpr int64_t of_limbs = 2 * OpenposeConfig::limbs, of_parts = OpenposeConfig::parts + 1;
  Graph graph;
  const Module m(graph);
  ValueId x = graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  for (size_t block = 0; block < config.trunk.size(); ++block) {
    if (block > 0) x = m.node(MaxPool{.size = 2, .stride = 2}, {x});
    for (size_t i = 0; i < config.trunk[block].size(); ++i)
      x = convolve(m / trunk_convolution(block, i), x, config.trunk[block][i], 3);
  }
  ValueId limbs = first_branch(m, x, "L1", of_limbs, config);
  ValueId parts = first_branch(m, x, "L2", of_parts, config);
  for (int64_t stage = 2; stage <= config.stages; ++stage) {
    const ValueId seen = m.node(Concat{-1}, {limbs, parts, x});
    limbs = later_branch(m, seen, stage, "L1", of_limbs, config);
    parts = later_branch(m, seen, stage, "L2", of_parts, config);
  }
  graph.outputs["limbs"] = limbs;
  graph.outputs["parts"] = relu(m, parts);  // so in that code, of the last stage alone
  return graph;
}

OpenposeFile read_openpose(const std::filesystem::path& path) {
  OpenposeFile file{read_tensor_file(path).tensors, {}};
  file.config = detect_openpose(file.tensors);
  constexpr std::string_view what = "OpenPose network for bodies (body_pose_model.pth)";
  if (file.config.trunk[0].empty() || file.config.width == 0 || file.config.stages < 2 ||
      file.config.stages > most_stages)
    refuse_network(file.tensors, path.string(), what, trunk_convolution(0, 0) + ".weight");
  expect_exactly(file.tensors, weights_of(build_openpose(file.config, 8, 8)), path.string(), what);
  return file;
}

}  // namespace drypoint

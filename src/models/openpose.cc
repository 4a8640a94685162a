#include "models/openpose.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"

namespace drypoint {
namespace {

constexpr size_t body_blocks = 4;

/// The first stage's branch of the limbs (L1) or of the parts (L2).
ValueId first_branch(const Module& m, ValueId x, const std::string& branch, int64_t results,
                     const OpenposeConfig& config) {
  const auto layer = [&](int number) { return m / fmt::format("conv5_{}_CPM_{}", number, branch); };
  for (int i = 1; i <= 3; ++i) x = convolve(layer(i), x, config.width, 3);
  return conv2d(layer(5), convolve(layer(4), x, config.wide, 1), results, 1);
}

OpenposeConfig detect_openpose(const NamedTensors& tensors) {
  return {.trunk = detect_trunk(tensors, body_blocks),
          .width = filters_of(tensors, "conv5_1_CPM_L1.weight"),
          .wide = filters_of(tensors, "conv5_4_CPM_L1.weight"),
          .stages = count_stages(tensors, "_L1")};
}

}  // namespace

Graph build_openpose(const OpenposeConfig& config, int64_t height, int64_t width) {
  constexpr int64_t of_limbs = 2 * OpenposeConfig::limbs, of_parts = OpenposeConfig::parts + 1;
  Graph graph;
  const Module m(graph);
  const ValueId image =
      graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  const ValueId features = pose_trunk(m, image, config.trunk);
  ValueId limbs = first_branch(m, features, "L1", of_limbs, config);
  ValueId parts = first_branch(m, features, "L2", of_parts, config);
  for (int64_t i = 2; i <= config.stages; ++i) {
    const ValueId seen = m.node(Concat{-1}, {limbs, parts, features});
    const auto stage = fmt::format("stage{}", i);
    limbs = later_stage(m, seen, stage + "_L1", config.width, of_limbs);
    parts = later_stage(m, seen, stage + "_L2", config.width, of_parts);
  }
  graph.outputs["limbs"] = limbs;
  graph.outputs["parts"] = relu(m, parts);  // so in that code, of the last stage alone
  return graph;
}

std::vector<TensorSpec> tensors_of(const OpenposeConfig& config) {
  return weights_of(build_openpose(config, 8, 8));
}

OpenposeFile read_openpose(const std::filesystem::path& path) {
  OpenposeFile file{read_tensor_file(path).tensors, {}};
  file.config = detect_openpose(file.tensors);
  constexpr std::string_view what = "OpenPose network for bodies (body_pose_model.pth)";
  if (file.config.trunk[0].empty() || file.config.width == 0 || file.config.stages < 2 ||
      file.config.stages > most_pose_stages)
    refuse_network(file.tensors, path.string(), what,
                   trunk_convolution(body_blocks, 0, 0) + ".weight");
  expect_exactly(file.tensors, tensors_of(file.config), path.string(), what);
  return file;
}

}  // namespace drypoint

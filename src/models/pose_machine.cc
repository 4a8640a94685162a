#include "models/pose_machine.h"

#include <fmt/format.h>

#include "base/error.h"
#include "checkpoint/formats.h"
#include "models/network_file.h"

namespace drypoint {
namespace {

constexpr size_t machine_blocks = 5;

PoseMachineConfig detect_pose_machine(const NamedTensors& tensors) {
  return {.trunk = detect_trunk(tensors, machine_blocks),
          .wide = filters_of(tensors, "conv6_1_CPM.weight"),
          .width = filters_of(tensors, "Mconv1_stage2.weight"),
          .points = filters_of(tensors, "conv6_2_CPM.weight") - 1,
          .stages = count_stages(tensors, "")};
}

}  // namespace

Graph build_pose_machine(const PoseMachineConfig& config, int64_t height, int64_t width) {
  Graph graph;
  const Module m(graph);
  const ValueId image =
      graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  const ValueId features = pose_trunk(m, image, config.trunk);
  ValueId points = conv2d(m / "conv6_2_CPM", convolve(m / "conv6_1_CPM", features, config.wide, 1),
                          config.points + 1, 1);
  for (int64_t i = 2; i <= config.stages; ++i)
    points = later_stage(m, m.node(Concat{-1}, {points, features}), fmt::format("stage{}", i),
                         config.width, config.points + 1);
  graph.outputs["points"] = points;
  return graph;
}

std::vector<TensorSpec> tensors_of(const PoseMachineConfig& config) {
  return weights_of(build_pose_machine(config, 8, 8));
}

PoseMachineFile read_pose_machine(const std::filesystem::path& path, const PoseMachineKind& kind) {
  PoseMachineFile file{read_tensor_file(path).tensors, {}};
  const PoseMachineConfig& config = file.config = detect_pose_machine(file.tensors);
  const bool is_one = !config.trunk[0].empty() && config.wide > 0 && config.points > 0 &&
                      config.stages >= 2 && config.stages <= most_pose_stages;
  if (!is_one)
    refuse_network(file.tensors, path.string(), kind.name,
                   trunk_convolution(machine_blocks, 0, 0) + ".weight");
  if (config.points != kind.points)
    fail(ErrorKind::unsupported, "{}: finds {} points, expected {}, as the {} does", path.string(),
         config.points, kind.points, kind.name);
  expect_exactly(file.tensors, tensors_of(config), path.string(), kind.name);
  return file;
}

}  // namespace drypoint

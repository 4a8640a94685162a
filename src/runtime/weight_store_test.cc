#include "runtime/weight_store.h"

#include <cmath>

#include "compile/compile.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// y = x w^T
Plan product() {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {1, 2}}, Rate::step);
  const ValueId w = graph.add_weight("w", {DType::f32, {1, 2}});
  graph.outputs["y"] = graph.add_node(Linear{.bias = false}, {x, w}, "product");
  return compile(std::move(graph));
}

ValueId weight_of(const Plan& plan) { return plan.step.at(0).inputs.at(1); }

TEST(WeightStore, PacksAWeightOnce) {
  NamedTensors checkpoint;
  checkpoint.tensors["w"] = make_tensor({1, 2}, std::vector<float>{3, 4});
  const auto backend = make_reference_backend();
  WeightStore store(checkpoint, *backend);
  const Plan plan = product();
  EXPECT_FALSE(store.holds(plan, weight_of(plan), {}));
  const DeviceMemory memory = store.get(plan, weight_of(plan), {});
  EXPECT_TRUE(store.holds(plan, weight_of(plan), {}));
  EXPECT_EQ(store.get(plan, weight_of(plan), {}), memory);
  EXPECT_EQ(store.bytes(), 2 * sizeof(float));
  EXPECT_EQ(reinterpret_cast<const float*>(memory.get())[1], 4);
}

TEST(WeightStore, DoesNotHoldWhatItFailedToLoad) {
  NamedTensors checkpoint;
  checkpoint.tensors["w"] = make_tensor({1, 2}, std::vector<float>{3, NAN});
  const auto backend = make_reference_backend();
  WeightStore store(checkpoint, *backend);
  const Plan plan = product();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(testing::fails_with(ErrorKind::non_finite, {"tensor w", "value 1"},
                                    [&] { store.get(plan, weight_of(plan), {}); }));
    EXPECT_FALSE(store.holds(plan, weight_of(plan), {}));
  }
}

TEST(WeightStore, RefusesDoublesThatFloatCannotHold) {
  const double numbers[] = {1e300, 1};
  const auto bytes = std::as_bytes(std::span(numbers));
  NamedTensors checkpoint;
  checkpoint.tensors["w"] = Tensor({DType::f64, {1, 2}}, bytes.data(), nullptr);
  const auto backend = make_reference_backend();
  WeightStore store(checkpoint, *backend);
  const Plan plan = product();
  EXPECT_TRUE(testing::fails_with(ErrorKind::non_finite, {"tensor w", "value 0"},
                                  [&] { store.get(plan, weight_of(plan), {}); }));
}

}  // namespace
}  // namespace drypoint

#include "runtime/executor.h"

#include <cmath>

#include "compile/compile.h"
#include "graph/builder.h"
#include "runtime/executor_cache.h"
#include "support/test_support.h"
#include "support/weight_types.h"

namespace drypoint {
namespace {

using testing::fails_with;

/// The reference backend on a machine of a given size.
class SmallMachine : public Backend {
 public:
  PlanDevice identity() const override { return {"cpu", "small", "small", "fp32"}; }
  explicit SmallMachine(size_t available) : available_(available) {}
  std::string name() const override { return "small"; }
  int threads() const override { return 1; }
  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    return reference_->kernel(request);
  }
  size_t available_memory() const override { return available_; }

 private:
  std::unique_ptr<Backend> reference_ = make_reference_backend();
  size_t available_;
};

NamedTensors two_layers(float last_value = 1) {
  NamedTensors checkpoint;
  std::vector<float> weight(64 * 64, 0.5f);
  weight.back() = last_value;
  checkpoint.tensors["a.weight"] = make_tensor({64, 64}, weight);
  checkpoint.tensors["b.weight"] = make_tensor({64, 64}, weight);
  return checkpoint;
}

Plan plan_for(const NamedTensors& checkpoint, int64_t rows) {
  const WeightTypes types = testing::weight_types(checkpoint);
  Graph graph;
  const Module m(graph, types);
  const ValueId x = graph.add_input("x", {DType::f32, {rows, 64}}, Rate::picture);
  graph.outputs["y"] = linear(m / "b", linear(m / "a", x));
  return compile(graph);
}

TEST(Executor, RunsAPlan) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers(0.5f);
  WeightStore store(checkpoint, *backend);
  Executor executor(plan_for(checkpoint, 2), *backend, store);
  executor.set_input("x", std::vector<float>(2 * 64, 1.0f));
  executor.run(Rate::picture);
  for (float y : executor.output("y")) EXPECT_EQ(y, 64 * 0.5f * 64 * 0.5f);
}

TEST(Executor, PlansOfOtherSizesShareWeights) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, *backend);
  const Executor first(plan_for(checkpoint, 2), *backend, store);
  const size_t bytes = store.bytes();
  EXPECT_EQ(bytes, 2u * 64 * 64 * 4);
  const Executor second(plan_for(checkpoint, 3), *backend, store);
  EXPECT_EQ(store.bytes(), bytes);
}

TEST(Executor, RefusesWhatDoesNotFitBeforeTakingAnything) {
  const SmallMachine backend(16 << 20);
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, backend);
  EXPECT_TRUE(fails_with(ErrorKind::out_of_memory, {"MiB more needed", "16 MiB available"}, [&] {
    Executor executor(plan_for(checkpoint, 100'000), backend, store);
  }));
  EXPECT_EQ(store.bytes(), 0u);
  Executor executor(plan_for(checkpoint, 2), backend, store);  // a smaller one still works
}

TEST(Executor, NamesTheWeightThatIsNotANumber) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers(NAN);
  WeightStore store(checkpoint, *backend);
  EXPECT_TRUE(fails_with(ErrorKind::non_finite, {"a.weight"},
                         [&] { Executor executor(plan_for(checkpoint, 2), *backend, store); }));
}

TEST(Executor, StopsBetweenWeightsAndBetweenOperations) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, *backend);
  int asked = 0;
  const StopRequested second_time = [&] { return ++asked == 2; };
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] {
    Executor executor(plan_for(checkpoint, 2), *backend, store, second_time);
  }));
  Executor executor(plan_for(checkpoint, 2), *backend, store);
  executor.set_input("x", std::vector<float>(2 * 64, 1.0f));
  asked = 0;
  EXPECT_TRUE(
      fails_with(ErrorKind::cancelled, {}, [&] { executor.run(Rate::picture, second_time); }));
}

TEST(ExecutorCache, KeepsTheLatest) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, *backend);
  ExecutorCache<int> cache({2});
  int made = 0;
  const auto get = [&](int rows) {
    return &cache.get(rows, [&] {
      ++made;
      return std::make_unique<Executor>(plan_for(checkpoint, rows), *backend, store);
    });
  };
  const Executor* one = get(1);
  get(2);
  EXPECT_EQ(get(1), one);
  get(3);  // 2 goes: 1 was used after it
  EXPECT_EQ(get(1), one);
  EXPECT_EQ(made, 3);
  get(2);
  EXPECT_EQ(made, 4);
}

}  // namespace
}  // namespace drypoint

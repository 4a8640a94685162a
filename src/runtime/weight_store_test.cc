#include "runtime/weight_store.h"

#include <cmath>
#include <cstring>
#include <set>

#include "compile/compile.h"
#include "runtime/weight_recipe.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// y = x w^T
Plan product() {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {1, 2}}, Rate::step);
  const ValueId w = graph.add_weight("w", {DType::f32, {1, 2}});
  graph.outputs["y"] = graph.add_node(Linear{.epilogue = {.bias = false}}, {x, w}, "product");
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

/// y = x (a over b)^T: a weight made of two.
Plan product_of_pair() {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2, 4}}, Rate::step);
  const ValueId a = graph.add_weight("first.a", {DType::f32, {8, 4}});
  const ValueId b = graph.add_weight("second.b", {DType::f32, {8, 4}});
  const ValueId pair = graph.add_node(Concat{0}, {a, b}, "pair");
  graph.outputs["y"] = graph.add_node(Linear{.epilogue = {.bias = false}}, {x, pair}, "product");
  graph.outputs["z"] = graph.add_node(Linear{.epilogue = {.bias = false}}, {x, b}, "alone");
  return compile(std::move(graph));
}

ValueId weight_of(const Plan& plan, const std::string& module) {
  for (const PlanOp& step : plan.step)
    if (step.module == module) return step.inputs.at(1);
  return -1;
}

class PairsOfWeights : public ::testing::Test {
 protected:
  PairsOfWeights() {
    set("first.a", 1);
    set("second.b", 2);
  }
  void set(const std::string& name, float value) {
    checkpoint_.tensors[name] = make_tensor({8, 4}, std::vector<float>(32, value));
  }
  void changed(const std::string& name) { store_.sources().replaced({&name, 1}); }
  /// Doubles, so that it can be told from no packing. `shares`: how many are packed alone.
  static Packing doubled(size_t bytes, int shares) {
    return {"doubled", bytes, shares, [](const WeightRows& weight, std::byte* packed) {
              const Tensor values = weight.whole();
              for (const float value : values.floats()) {
                const float twice = 2 * value;
                std::memcpy(packed, &twice, sizeof twice);
                packed += sizeof twice;
              }
            }};
  }
  static std::pair<float, float> halves(const DeviceMemory& memory) {
    const auto* values = reinterpret_cast<const float*>(memory.get());
    return {values[0], values[63]};
  }

  NamedTensors checkpoint_;
  std::unique_ptr<Backend> backend_ = make_reference_backend();
  WeightStore store_{checkpoint_, *backend_};
  Plan plan_ = product_of_pair();
  ValueId pair_ = weight_of(plan_, "product"), alone_ = weight_of(plan_, "alone");
};

TEST_F(PairsOfWeights, ServeAsEither) {
  for (const auto& [packing, half, factor] :
       {std::tuple{std::optional<Packing>(), std::optional<Packing>(), 1.0f},
        {doubled(256, 2), doubled(128, 1), 2.0f}}) {
    const DeviceMemory pair = store_.get(plan_, pair_, packing);
    EXPECT_EQ(halves(pair), std::pair(1 * factor, 2 * factor));
    EXPECT_TRUE(store_.holds(plan_, alone_, half));
    EXPECT_EQ(store_.get(plan_, alone_, half).get(), pair.get() + 128);
  }
  EXPECT_EQ(store_.bytes(), 512u);
}

TEST_F(PairsOfWeights, StayWholeWherePackingMixesThem) {
  store_.get(plan_, pair_, doubled(256, 1));
  EXPECT_FALSE(store_.holds(plan_, alone_, doubled(128, 1)));
}

TEST_F(PairsOfWeights, ChangeByHalvesInTheirPlace) {
  const DeviceMemory pair = store_.get(plan_, pair_, doubled(256, 2));
  set("first.a", 3);
  set("second.b", 4);  // untold
  changed("first.a");
  EXPECT_EQ(store_.get(plan_, pair_, doubled(256, 2)), pair);
  EXPECT_EQ(halves(pair), std::pair(6.0f, 4.0f));  // twice 3, and twice 2 as before
}

TEST_F(PairsOfWeights, TakeLayersAndLoseThem) {
  const DeviceMemory pair = store_.get(plan_, pair_, doubled(256, 2));
  const std::vector<std::byte> before(pair.get(), pair.get() + 256);
  int applied = 0;
  const WeightLayer ten_more{7, [&](const WeightRows&) {
                               ++applied;
                               return [](int64_t, std::span<float> rows, std::span<const float>) {
                                 for (float& value : rows) value += 10;
                               };
                             }};
  store_.sources().set_layers({{"second.b", {ten_more, ten_more}}});
  EXPECT_EQ(store_.get(plan_, pair_, doubled(256, 2)), pair);
  EXPECT_EQ(halves(pair), std::pair(2.0f, 44.0f));
  EXPECT_EQ(applied, 2);
  store_.sources().set_layers({{"second.b", {ten_more, ten_more}}});
  store_.get(plan_, pair_, doubled(256, 2));
  EXPECT_EQ(applied, 2);  // nothing has changed
  store_.sources().set_layers({});
  EXPECT_EQ(store_.get(plan_, pair_, doubled(256, 2)), pair);
  EXPECT_TRUE(std::ranges::equal(before, std::span(pair.get(), 256)));
}

TEST_F(PairsOfWeights, RefuseLayersThatMakeInfinities) {
  const auto infinite = [](int64_t first, std::span<float> rows, std::span<const float>) {
    if (first <= 3 && first * 4 + static_cast<int64_t>(rows.size()) > 15)
      rows[static_cast<size_t>(15 - first * 4)] = INFINITY;
  };
  // Written row by row, so that it has begun when the fourth is found out.
  const Packing by_rows{"by rows", 256, 2, [](const WeightRows& weight, std::byte* packed) {
                          auto* to = reinterpret_cast<float*>(packed);
                          for (int64_t row = 0; row < weight.count(); ++row, to += 4)
                            weight.read_into(row, {to, 4});
                        }};
  const DeviceMemory pair = store_.get(plan_, pair_, by_rows);
  set("first.a", 3);
  store_.sources().set_layers({{"first.a", {{1, [&](const WeightRows&) { return infinite; }}}}});
  EXPECT_TRUE(testing::fails_with(ErrorKind::non_finite, {"first.a", "value 15"},
                                  [&] { store_.get(plan_, pair_, by_rows); }));
  // As before, but for what the checkpoint has by now: it is made again.
  store_.sources().set_layers({});
  EXPECT_EQ(store_.get(plan_, pair_, by_rows), pair);
  EXPECT_EQ(halves(pair), std::pair(3.0f, 2.0f));
}

/// With memory of its own, as far as others can tell.
class OtherMemory : public Backend {
 public:
  std::string name() const override { return "other"; }
  int threads() const override { return 1; }
  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    return reference_->kernel(request);
  }
  PlanDevice identity() const override { return reference_->identity(); }
  bool shares_host_memory() const override { return false; }
  /// Leaves it to the host.
  bool multiply(std::span<const float>, std::span<const float>, int64_t,
                std::span<float>) const override {
    ++products;
    return false;
  }
  mutable int products = 0;  // asked for

 private:
  std::unique_ptr<Backend> reference_ = make_reference_backend();
};

TEST_F(PairsOfWeights, ThatTakeTurnsOnADeviceArePackedOnce) {
  const OtherMemory device;
  for (const size_t limit : {size_t{1} << 20, MemoryBudget::unlimited}) {
    WeightStore store(checkpoint_, device, nullptr, MemoryBudget(limit));
    int packed = 0;
    Packing counted = doubled(256, 2);
    counted.pack = [&, pack = counted.pack](const WeightRows& weight, std::byte* to) {
      ++packed;
      pack(weight, to);
    };
    const bool is_limited = limit != MemoryBudget::unlimited;
    for (int turn = 1; turn <= 3; ++turn) {
      EXPECT_EQ(halves(store.get(plan_, pair_, counted)), std::pair(2.0f, 4.0f));
      EXPECT_EQ(halves(store.get(plan_, pair_, {})), std::pair(1.0f, 2.0f));
      store.release_unused();
      EXPECT_EQ(store.bytes(), 0u);
      EXPECT_EQ(packed, is_limited ? 2 : 2 * turn);  // both shares
    }
    set("second.b", 3);
    const std::string name = "second.b";
    store.sources().replaced({&name, 1});
    EXPECT_EQ(halves(store.get(plan_, pair_, counted)), std::pair(2.0f, 6.0f));
    EXPECT_EQ(packed, is_limited ? 3 : 8);
    set("second.b", 2);
  }
}

TEST(WeightProducts, AreLeftToTheHostWhereTheBudgetHasNoRoom) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2, 8}}, Rate::step);
  const ValueId a = graph.add_weight("a", {DType::f32, {4, 16}});
  const ValueId b = graph.add_weight("b", {DType::f32, {8, 16}});
  const Op plain = Linear{.epilogue = {.bias = false}};
  const ValueId product = graph.add_node(plain, {a, b}, "load");
  graph.outputs["y"] = graph.add_node(plain, {x, product}, "product");
  const Plan plan = compile(graph);
  NamedTensors checkpoint;
  for (const auto& [name, rows] : {std::pair("a", 4), std::pair("b", 8)})
    checkpoint.tensors[name] = make_tensor({rows, 16}, std::vector<float>(rows * 16, 2));
  constexpr size_t weight = 4 * 8 * sizeof(float), factors = (4 + 8) * 16 * sizeof(float);
  for (const auto& [limit, expected] : {std::pair(MemoryBudget::unlimited, 1),
                                        {weight + 3 * (factors + weight), 1},
                                        {weight + 3 * (factors + weight) - 1, 0}}) {
    const OtherMemory device;
    WeightStore store(checkpoint, device, nullptr, MemoryBudget(limit));
    const DeviceMemory made = store.get(plan, plan.step.at(0).inputs.at(1), {});
    EXPECT_EQ(reinterpret_cast<const float*>(made.get())[31], 64);
    EXPECT_EQ(device.products, expected) << limit;
  }
}

TEST(WeightRecipe, TellsAttributesShapesAndSources) {
  const auto of = [](float epsilon, Shape shape, const std::string& source) {
    Graph graph;
    const ValueId x = graph.add_input("x", {DType::f32, {2, shape[0]}}, Rate::step);
    const ValueId w = graph.add_weight(source, {DType::f32, shape});
    const ValueId row = graph.add_weight("row", {DType::f32, {1, shape[1]}});
    const ValueId both =
        graph.add_node(Linear{.epilogue = {.bias = false}, .epsilon = epsilon}, {w, row}, "load");
    const ValueId flat = graph.add_node(Reshape{{1, shape[0]}}, {both}, "load");
    graph.outputs["y"] = graph.add_node(Linear{.epilogue = {.bias = false}}, {x, flat}, "product");
    return graph;
  };
  std::set<std::string> texts;
  const auto add = [&](const Graph& graph) {
    const Plan plan = compile(graph);
    texts.insert(to_string(recipe_of(plan, plan.step.at(0).inputs.at(1))));
  };
  add(of(1e-5f, {4, 8}, "w"));
  add(of(1e-5f, {4, 8}, "w"));
  EXPECT_EQ(texts.size(), 1u);
  add(of(2e-5f, {4, 8}, "w"));
  add(of(1e-5f, {8, 8}, "w"));
  add(of(1e-5f, {4, 8}, "v"));
  EXPECT_EQ(texts.size(), 4u);
  EXPECT_TRUE(texts.begin()->starts_with("v +1 "));
}

TEST_F(PairsOfWeights, AreMadeOfWhatIsThere) {
  const DeviceMemory alone = store_.get(plan_, alone_, doubled(128, 1));
  set("second.b", 5);  // not read again
  EXPECT_EQ(halves(store_.get(plan_, pair_, doubled(256, 2))), std::pair(2.0f, 4.0f));
}

TEST_F(PairsOfWeights, StayOutdatedWhenTheyCannotBeMadeAgain) {
  const DeviceMemory pair = store_.get(plan_, pair_, {});
  set("first.a", NAN);
  changed("first.a");
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(testing::fails_with(ErrorKind::non_finite, {"first.a"},
                                    [&] { store_.get(plan_, pair_, {}); }));
  set("first.a", 7);
  EXPECT_EQ(store_.get(plan_, pair_, {}), pair);
  EXPECT_EQ(halves(pair), std::pair(7.0f, 2.0f));
}

}  // namespace
}  // namespace drypoint

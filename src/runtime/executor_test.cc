#include "runtime/executor.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "compile/compile.h"
#include "graph/builder.h"
#include "runtime/executor_cache.h"
#include "support/test_support.h"

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

/// A layer of `two_layers`.
ValueId dense(const Module& m, ValueId x) { return linear(m, x, 64, /*bias=*/false); }

Plan plan_for(int64_t rows) {
  Graph graph;
  const Module m(graph);
  const ValueId x = graph.add_input("x", {DType::f32, {rows, 64}}, Rate::picture);
  graph.outputs["y"] = dense(m / "b", dense(m / "a", x));
  return compile(graph);
}

TEST(Executor, RunsAPlan) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers(0.5f);
  WeightStore store(checkpoint, *backend);
  Executor executor(plan_for(2), *backend, store);
  executor.set_input("x", std::vector<float>(2 * 64, 1.0f));
  executor.run(Rate::picture);
  for (float y : executor.output("y")) EXPECT_EQ(y, 64 * 0.5f * 64 * 0.5f);
}

TEST(Executor, PlansOfOtherSizesShareWeights) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, *backend);
  const Executor first(plan_for(2), *backend, store);
  const size_t bytes = store.bytes();
  EXPECT_EQ(bytes, 2u * 64 * 64 * 4);
  const Executor second(plan_for(3), *backend, store);
  EXPECT_EQ(store.bytes(), bytes);
}

TEST(Executor, RefusesWhatDoesNotFitBeforeTakingAnything) {
  const SmallMachine backend(16 << 20);
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, backend);
  EXPECT_TRUE(fails_with(ErrorKind::out_of_memory, {"MiB more needed", "16 MiB available"},
                         [&] { Executor executor(plan_for(100'000), backend, store); }));
  EXPECT_EQ(store.bytes(), 0u);
  Executor executor(plan_for(2), backend, store);  // a smaller one still works
}

TEST(Executor, GivesBackAllItTookAndTakesItAgain) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers(0.5f);
  WeightStore store(checkpoint, *backend, nullptr, MemoryBudget(1 << 20));
  Executor executor(plan_for(2), *backend);
  for (int i = 0; i < 2; ++i) {
    executor.bind(store);
    EXPECT_EQ(store.budget().used(), executor.needs().own + executor.needs().weights);
    executor.set_input("x", std::vector<float>(2 * 64, 1.0f));
    executor.run(Rate::picture);
    for (float y : executor.output("y")) EXPECT_EQ(y, 64 * 0.5f * 64 * 0.5f);
    executor.unbind();
    store.release_unused();
    EXPECT_EQ(store.budget().used(), 0u);
  }
}

TEST(Executor, HoldsNothingWhereItCannotBeBound) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers(NAN);
  WeightStore store(checkpoint, *backend, nullptr, MemoryBudget(1 << 20));
  Executor executor(plan_for(2), *backend);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(fails_with(ErrorKind::non_finite, {"a.weight"}, [&] { executor.bind(store); }));
  EXPECT_FALSE(executor.is_bound());
  store.release_unused();
  EXPECT_EQ(store.budget().used(), 0u);
}

TEST(Executor, NamesTheWeightThatIsNotANumber) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers(NAN);
  WeightStore store(checkpoint, *backend);
  EXPECT_TRUE(fails_with(ErrorKind::non_finite, {"a.weight"},
                         [&] { Executor executor(plan_for(2), *backend, store); }));
}

TEST(Executor, StopsBetweenWeightsAndBetweenOperations) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, *backend);
  int asked = 0;
  const StopRequested second_time = [&] { return ++asked == 2; };
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {},
                         [&] { Executor executor(plan_for(2), *backend, store, second_time); }));
  Executor executor(plan_for(2), *backend, store);
  executor.set_input("x", std::vector<float>(2 * 64, 1.0f));
  asked = 0;
  EXPECT_TRUE(
      fails_with(ErrorKind::cancelled, {}, [&] { executor.run(Rate::picture, second_time); }));
}

/// A device that does what is enqueued on its streams when it is asked to finish, in any order that
/// their waiting for each other allows.
class Streams : public Backend {
 public:
  explicit Streams(int count) : streams_(count) {}
  std::string name() const override { return "streams"; }
  int threads() const override { return 1; }
  PlanDevice identity() const override { return {"cpu", "streams", "streams", "fp32"}; }
  Target target() const override { return {.aux_streams = static_cast<int>(streams_.size()) - 1}; }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    return std::make_unique<Ordered>(reference_->kernel(request), streams_[request.stream]);
  }
  void upload(std::byte* device, std::span<const std::byte> host) const override {
    streams_[0].orders.push_back({.run = [device, bytes = std::vector(host.begin(), host.end())] {
      std::ranges::copy(bytes, device);
    }});
  }
  std::unique_ptr<Event> record_event(int stream) const override {
    return std::make_unique<Point>(streams_[stream], streams_[stream].orders.size());
  }
  void wait(int stream, const Event& event) const override {
    const auto& point = dynamic_cast<const Point&>(event);
    streams_[stream].orders.push_back(
        {.ready = [&other = point.stream, orders = point.orders] { return other.done >= orders; }});
  }

  void finish(std::mt19937& random) const {
    for (;;) {
      std::vector<Stream*> ready;
      for (Stream& stream : streams_)
        if (stream.done < stream.orders.size() && stream.orders[stream.done].ready())
          ready.push_back(&stream);
      if (ready.empty()) break;
      Stream& next = *ready[random() % ready.size()];
      next.orders[next.done++].run();
    }
    for (const Stream& stream : streams_) EXPECT_EQ(stream.done, stream.orders.size());
  }

 private:
  struct Order {
    std::function<bool()> ready = [] { return true; };
    std::function<void()> run = [] {};
  };
  struct Stream {
    std::vector<Order> orders;
    size_t done = 0;
  };
  struct Point : Event {
    Point(const Stream& of, size_t so_far) : stream(of), orders(so_far) {}
    void wait() const override {}
    const Stream& stream;
    size_t orders;
  };
  class Ordered : public Kernel {
   public:
    Ordered(std::unique_ptr<Kernel> kernel, Stream& stream)
        : kernel_(std::move(kernel)), stream_(stream) {}
    size_t workspace() const override { return kernel_->workspace(); }
    void run(const Launch& launch) const override {
      const std::vector<const void*> inputs(launch.inputs.begin(), launch.inputs.end());
      stream_.orders.push_back(
          {.run = [this, inputs, output = launch.output, workspace = launch.workspace] {
            kernel_->run({inputs, output, workspace});
          }});
    }

   private:
    std::unique_ptr<Kernel> kernel_;
    Stream& stream_;
  };

  std::unique_ptr<Backend> reference_ = make_reference_backend();
  mutable std::vector<Stream> streams_;
};

/// x goes on as x + b(a(x)) + a(b(x)); beside it, a(a(x)) is added up.
Plan several_ways(const Target& target) {
  Graph graph;
  const Module m(graph);
  const ValueId x = graph.add_input("x", {DType::f32, {3, 64}}, Rate::step);
  const ValueId ax = dense(m / "a", x);
  const ValueId sum =
      graph.add_node(Add{}, {dense(m / "b", ax), dense(m / "a", dense(m / "b", x))}, "ways");
  graph.outputs["x"] = graph.add_node(Add{}, {x, sum}, "sum");
  const ValueId beside = graph.add_input("beside", {DType::f32, {3, 64}}, Rate::step);
  graph.outputs["beside"] = graph.add_node(Add{}, {beside, dense(m / "a", ax)}, "beside");
  return compile(graph, target);
}

TEST(Executor, StreamsWaitForEachOtherAsThePlanSays) {
  const NamedTensors checkpoint = two_layers(0.25f);
  std::vector<float> x(3 * 64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) / 64;
  const auto results = [&](const Backend& backend, int cancelled_at,
                           const std::function<void()>& finish) {
    WeightStore store(checkpoint, backend);
    Executor executor(several_ways(backend.target()), backend, store);
    int asked = 0;
    EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] {
      executor.run(Rate::step, [&] { return asked++ == cancelled_at; });
    }));
    for (const char* name : {"x", "beside"}) executor.set_input(name, x);
    for (int i = 0; i < 3; ++i) executor.run(Rate::step);
    finish();
    std::vector<float> values;
    for (const char* name : {"x", "beside"})
      for (const float value : executor.output(name)) values.push_back(value);
    return values;
  };
  const auto expected = results(*make_reference_backend(), 0, [] {});
  EXPECT_GT(expected[0], 1000);
  std::mt19937 random(3);
  for (const int count : {1, 2, 3})
    for (int i = 0; i < 50; ++i) {
      const Streams backend(count);
      EXPECT_EQ(results(backend, i % 5, [&] { backend.finish(random); }), expected) << count;
    }
}

TEST(ExecutorCache, KeepsTheLatest) {
  const auto backend = make_reference_backend();
  const NamedTensors checkpoint = two_layers();
  WeightStore store(checkpoint, *backend);
  ExecutorCache<int> cache({2});
  int made = 0;
  const auto get = [&](int rows) {
    cache.begin();
    const auto make = [&] {
      ++made;
      return std::make_unique<Executor>(plan_for(rows), *backend);
    };
    return &cache.get(rows, make, [&](Executor& executor) { executor.bind(store); });
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

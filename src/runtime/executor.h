// Runs a plan on a backend.
#pragma once

#include <deque>
#include <memory>

#include "backend/backend.h"
#include "plan/plan.h"
#include "runtime/weight_store.h"

namespace drypoint {

/// A plan with its kernels, and while it is bound, with weights and memory. Not for several threads
/// at once.
class Executor {
 public:
  /// With its kernels alone. Throws cancelled if asked to stop. The backend must outlive it.
  Executor(Plan plan, const Backend& backend, const StopRequested& stop = {});
  /// And bound.
  Executor(Plan plan, const Backend& backend, WeightStore& weights, const StopRequested& stop = {});

  /// Takes memory and weights, without which nothing else can be done with it. Throws
  /// out_of_memory, before anything large is allocated, if the plan does not fit; cancelled.
  void bind(WeightStore& weights, const StopRequested& stop = {});
  /// Gives both back, with all inputs that were set.
  void unbind();
  bool is_bound() const { return is_bound_; }

  /// Copies all of an input's values. Shapes and types are the plan's.
  void set_input(const std::string& name, std::span<const float> values);
  void set_input(const std::string& name, std::span<const int32_t> values);
  void set_input(const std::string& name, std::span<const uint8_t> values);
  const TensorType& type_of_input(const std::string& name) const;
  bool has_input(const std::string& name) const { return plan_.inputs.contains(name); }

  /// Runs what must be done for each picture, or at each step. Throws cancelled if asked to stop.
  /// A device that works on its own may still be at it when this returns.
  void run(Rate section, const StopRequested& stop = {});
  /// Returns when at most `runs` of the runs enqueued are not yet done.
  void wait_for_all_but(size_t runs);

  /// The values of an output; valid until the next run. An output with the name of an input takes
  /// the input's place: the next run goes on from it.
  std::span<const float> output(const std::string& name) const;
  std::span<const uint8_t> output_pixels(const std::string& name) const;

  /// Takes the weights from the store again, after some of them have changed.
  void renew_weights(WeightStore& weights, const StopRequested& stop = {});

  /// Calls `visit` with each operation of a section and what runs it alone, on stream 0.
  void for_each_kernel(
      Rate section,
      const std::function<void(const PlanOp&, const std::function<void()>& run)>& visit) const;

  const Plan& plan() const { return plan_; }
  /// What it holds while it is bound: itself, and its weights, packed.
  struct Needs {
    size_t own = 0, weights = 0;
  };
  Needs needs() const;

  /// Memory for activations and scratch; weights are the store's.
  size_t bytes() const { return plan_.kept_bytes + plan_.scratch_bytes + workspace_bytes_; }

 private:
  struct Ready {
    std::unique_ptr<Kernel> kernel;
    std::vector<const void*> inputs;
    void* output = nullptr;
    bool awaited = false;  // by operations of other streams
  };
  std::byte* address(ValueId id) const;
  void set_input(const std::string& name, DType dtype, std::span<const std::byte> bytes);
  std::span<const std::byte> output(const std::string& name, DType dtype) const;
  void make_kernels(const StopRequested& stop);
  /// Of the weights that `counts` takes, each once in each packing.
  size_t weight_bytes(const std::function<bool(const WeightStore::Wanted&)>& counts) const;
  void check_memory(const WeightStore& weights) const;
  /// Tells kernels where their inputs and outputs are, but for weights.
  void place();
  /// Enqueues all of a section.
  void launch(Rate rate, const StopRequested& stop) const;
  void launch(const PlanOp& step, const Ready& ready) const;
  /// What `stream` is given from now on waits for all that `other` has been given so far.
  void wait_for_stream(int stream, int other) const;
  /// Calls `visit` with each input of a kernel that is a weight.
  void for_each_weight(const std::function<void(Ready&, size_t input, ValueId id)>& visit);
  std::vector<Ready>& section(Rate rate) { return rate == Rate::picture ? picture_ : step_; }
  const std::vector<Ready>& section(Rate rate) const {
    return rate == Rate::picture ? picture_ : step_;
  }

  Plan plan_;
  const Backend& backend_;
  std::vector<Ready> picture_, step_;
  std::vector<WeightStore::Wanted> wanted_;  // by the kernels, in their order
  std::map<Rate, std::unique_ptr<CapturedGraph>> graphs_;
  std::deque<std::unique_ptr<Event>> under_way_;
  mutable std::map<std::string, std::vector<std::byte>> downloads_;
  std::vector<DeviceMemory> weights_;  // keeps what the kernels' inputs point to
  DeviceMemory kept_, scratch_, workspace_;
  size_t workspace_bytes_ = 0;  // of all streams, each with its part
  bool is_bound_ = false;
};

}  // namespace drypoint

#include "runtime/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"

namespace drypoint {

namespace {

void expect_going_on(const StopRequested& stop) {
  if (stop && stop()) fail(ErrorKind::cancelled, "cancelled");
}

}  // namespace

Executor::Executor(Plan plan, const Backend& backend, const StopRequested& stop)
    : plan_(std::move(plan)), backend_(backend) {
  make_kernels(stop);
}

Executor::Executor(Plan plan, const Backend& backend, WeightStore& weights,
                   const StopRequested& stop)
    : Executor(std::move(plan), backend, stop) {
  bind(weights, stop);
}

void Executor::bind(WeightStore& weights, const StopRequested& stop) {
  if (is_bound_) return;
  try {
    check_memory(weights);
    const MemoryBudget& budget = weights.budget();
    kept_ = budget.allocate(backend_, plan_.kept_bytes);
    scratch_ = budget.allocate(backend_, plan_.scratch_bytes);
    workspace_ = budget.allocate(backend_, workspace_bytes_);
    place();
    renew_weights(weights, stop);
  } catch (...) {
    unbind();
    throw;
  }
  is_bound_ = true;
}

void Executor::unbind() {
  is_bound_ = false;
  graphs_.clear();
  under_way_.clear();
  downloads_.clear();
  weights_.clear();
  kept_ = scratch_ = workspace_ = nullptr;
}

Executor::Needs Executor::needs() const {
  return {bytes(), weight_bytes([](const auto&) { return true; })};
}

void Executor::make_kernels(const StopRequested& stop) {
  constexpr size_t alignment = 256;
  size_t of_stream = 0;
  for (Rate rate : {Rate::picture, Rate::step})
    for (const PlanOp& step : plan_.section(rate)) {
      const PlanValue& result = plan_.values[step.output];
      KernelRequest request{step.op,     {},          result.type,    {},
                            step.module, step.stream, result.pictures};
      for (ValueId id : step.inputs) {
        request.inputs.push_back(plan_.values[id].type);
        request.constant.push_back(plan_.values[id].place.space == Space::weight);
      }
      expect_going_on(stop);  // tuning takes its time
      Ready& ready = section(rate).emplace_back();
      ready.kernel = backend_.kernel(request);
      of_stream = std::max(of_stream, ready.kernel->workspace());
    }
  workspace_bytes_ = plan_.streams * ((of_stream + alignment - 1) / alignment * alignment);
  for_each_weight([&](Ready& ready, size_t input, ValueId id) {
    wanted_.push_back({id, ready.kernel->packing(input)});
  });
}

size_t Executor::weight_bytes(const std::function<bool(const WeightStore::Wanted&)>& counts) const {
  size_t bytes = 0;
  std::set<std::pair<ValueId, std::string_view>> counted;
  for (const WeightStore::Wanted& weight : wanted_) {
    const auto& [id, packing] = weight;
    if (!counted.emplace(id, packing ? std::string_view(packing->format) : "").second ||
        !counts(weight))
      continue;
    bytes += packing ? packing->bytes : plan_.values[id].type.bytes();
  }
  return bytes;
}

void Executor::check_memory(const WeightStore& weights) const {
  const size_t needed = bytes() + weight_bytes([&](const WeightStore::Wanted& weight) {
                          return !weights.holds(plan_, weight.id, weight.packing);
                        });
  const size_t available = weights.budget().available(backend_);
  if (needed > available)
    fail(ErrorKind::out_of_memory,
         "{} MiB more needed for weights and activations, {} MiB available{}", needed >> 20,
         available >> 20,
         weights.budget().is_limited()
             ? fmt::format(" of max_memory {} MiB", weights.budget().limit() >> 20)
             : "");
}

void Executor::for_each_weight(const std::function<void(Ready&, size_t input, ValueId id)>& visit) {
  for (Rate rate : {Rate::picture, Rate::step})
    for (size_t s = 0; s < plan_.section(rate).size(); ++s) {
      const auto& inputs = plan_.section(rate)[s].inputs;
      for (size_t i = 0; i < inputs.size(); ++i)
        if (plan_.values[inputs[i]].place.space == Space::weight)
          visit(section(rate)[s], i, inputs[i]);
    }
}

void Executor::place() {
  for (Rate rate : {Rate::picture, Rate::step})
    for (size_t s = 0; s < plan_.section(rate).size(); ++s) {
      const PlanOp& step = plan_.section(rate)[s];
      Ready& ready = section(rate)[s];
      ready.inputs.clear();
      for (const ValueId id : step.inputs)
        ready.inputs.push_back(plan_.values[id].place.space == Space::weight ? nullptr
                                                                             : address(id));
      ready.output = address(step.output);
      for (const int other : step.after) section(rate)[other].awaited = true;
    }
}

void Executor::renew_weights(WeightStore& weights, const StopRequested& stop) {
  weights_ = weights.get(plan_, wanted_, stop);
  size_t next = 0;
  bool moved = false;
  for_each_weight([&](Ready& ready, size_t input, ValueId) {
    const void* memory = weights_[next++].get();
    moved = moved || ready.inputs[input] != memory;
    ready.inputs[input] = memory;
  });
  if (moved) graphs_.clear();  // they have the old places
}

std::byte* Executor::address(ValueId id) const {
  const Place& place = plan_.values[id].place;
  return (place.space == Space::kept ? kept_ : scratch_).get() + place.offset;
}

const TensorType& Executor::type_of_input(const std::string& name) const {
  return plan_.values[plan_.inputs.at(name)].type;
}

void Executor::set_input(const std::string& name, DType dtype, std::span<const std::byte> bytes) {
  const auto found = plan_.inputs.find(name);
  DRYPOINT_EXPECT(found != plan_.inputs.end(), "no input {}", name);
  const TensorType& type = plan_.values[found->second].type;
  DRYPOINT_EXPECT(type.dtype == dtype && type.bytes() == bytes.size(), "{} bytes of {} for {} {}",
                  bytes.size(), drypoint::name(dtype), name, to_string(type));
  backend_.upload(address(found->second), bytes);
}

void Executor::set_input(const std::string& name, std::span<const float> values) {
  set_input(name, DType::f32, std::as_bytes(values));
}

void Executor::set_input(const std::string& name, std::span<const int32_t> values) {
  set_input(name, DType::i32, std::as_bytes(values));
}

void Executor::set_input(const std::string& name, std::span<const uint8_t> values) {
  set_input(name, DType::u8, std::as_bytes(values));
}

void Executor::run(Rate rate, const StopRequested& stop) {
  expect_going_on(stop);
  if (!graphs_.contains(rate)) graphs_[rate] = backend_.capture([&] { launch(rate, stop); });
  if (const auto& graph = graphs_[rate])
    graph->launch();
  else
    launch(rate, stop);
  if (auto event = backend_.record_event(0)) under_way_.push_back(std::move(event));
}

void Executor::launch(Rate rate, const StopRequested& stop) const {
  const auto& steps = plan_.section(rate);
  std::vector<std::unique_ptr<Event>> done(steps.size());
  const auto gather = [&] {
    for (int stream = 1; stream < plan_.streams; ++stream) wait_for_stream(0, stream);
  };
  for (int stream = 1; stream < plan_.streams; ++stream) wait_for_stream(stream, 0);
  try {
    for (size_t s = 0; s < steps.size(); ++s) {
      expect_going_on(stop);
      for (const int other : steps[s].after)
        if (done[other]) backend_.wait(steps[s].stream, *done[other]);
      launch(steps[s], section(rate)[s]);
      if (section(rate)[s].awaited) done[s] = backend_.record_event(steps[s].stream);
    }
  } catch (...) {
    // What was enqueued is not overtaken by the next run. Of two faults the first says more.
    try {
      gather();
    } catch (const Error&) {
    }
    throw;
  }
  gather();
}

void Executor::launch(const PlanOp& step, const Ready& ready) const {
  ready.kernel->run({ready.inputs, ready.output,
                     workspace_.get() + step.stream * (workspace_bytes_ / plan_.streams)});
}

void Executor::wait_for_stream(int stream, int other) const {
  if (const auto event = backend_.record_event(other)) backend_.wait(stream, *event);
}

void Executor::for_each_kernel(
    Rate rate,
    const std::function<void(const PlanOp&, const std::function<void()>& run)>& visit) const {
  for (size_t s = 0; s < section(rate).size(); ++s) {
    const PlanOp& step = plan_.section(rate)[s];
    visit(step, [&] {
      if (step.stream > 0) wait_for_stream(step.stream, 0);
      launch(step, section(rate)[s]);
      if (step.stream > 0) wait_for_stream(0, step.stream);
    });
  }
}

void Executor::wait_for_all_but(size_t runs) {
  for (; under_way_.size() > runs; under_way_.pop_front()) under_way_.front()->wait();
}

std::span<const std::byte> Executor::output(const std::string& name, DType dtype) const {
  const auto found = plan_.outputs.find(name);
  DRYPOINT_EXPECT(found != plan_.outputs.end(), "no output {}", name);
  const TensorType& type = plan_.values[found->second].type;
  DRYPOINT_EXPECT(type.dtype == dtype, "output {} is {}", name, to_string(type));
  if (backend_.shares_host_memory()) return {address(found->second), type.bytes()};
  std::vector<std::byte>& values = downloads_[name];
  values.resize(type.bytes());
  backend_.download(values, address(found->second));
  return values;
}

std::span<const float> Executor::output(const std::string& name) const {
  const auto bytes = output(name, DType::f32);
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

std::span<const uint8_t> Executor::output_pixels(const std::string& name) const {
  const auto bytes = output(name, DType::u8);
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace drypoint

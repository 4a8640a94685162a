#include "runtime/weight_store.h"

#include "base/error.h"

namespace drypoint {
namespace {

/// A name for what the weight is made of: "concat(a.weight, b.weight)".
std::string expression(const Plan& plan, ValueId id) {
  const PlanValue& value = plan.values[id];
  if (value.load_step < 0) return value.weight;
  const PlanStep& step = plan.load[value.load_step];
  std::string text = to_string(step.op) + "(";
  for (ValueId input : step.inputs) text += expression(plan, input) + ",";
  return text + ")";
}

std::string key(const Plan& plan, ValueId id, const std::optional<Packing>& packing) {
  return (packing ? packing->format : "f32") + " " + expression(plan, id);
}

}  // namespace

WeightStore::WeightStore(const NamedTensors& checkpoint, const Backend& backend)
    : checkpoint_(checkpoint), backend_(backend), reference_(make_reference_backend()) {}

bool WeightStore::holds(const Plan& plan, ValueId id, const std::optional<Packing>& packing) const {
  return packed_.contains(key(plan, id, packing));
}

DeviceMemory WeightStore::get(const Plan& plan, ValueId id, const std::optional<Packing>& packing) {
  const std::string name = key(plan, id, packing);
  if (const auto found = packed_.find(name); found != packed_.end()) return found->second;
  const Tensor weight = evaluate(plan, id);
  const size_t bytes = packing ? packing->bytes : weight.bytes().size();
  DeviceMemory fresh = backend_.allocate(bytes);
  if (!packing) {
    backend_.upload(fresh.get(), weight.bytes());
  } else if (backend_.shares_host_memory()) {
    packing->pack(weight, fresh.get());
  } else {
    std::vector<std::byte> packed(bytes);
    packing->pack(weight, packed.data());
    backend_.upload(fresh.get(), packed);
  }
  release(plan, id);
  bytes_ += bytes;
  return packed_[name] = std::move(fresh);
}

Tensor WeightStore::evaluate(const Plan& plan, ValueId id) {
  const PlanValue& value = plan.values[id];
  if (value.load_step < 0) {
    const Tensor& weight = checkpoint_.at(value.weight);
    const Tensor values = weight.to_f32();
    try {  // double values may be finite and still too large for float32
      check_finite(value.weight, weight.dtype() == DType::f64 ? values : weight);
    } catch (const Error& error) {
      const std::string file = checkpoint_.file_of(weight);
      fail(error.kind(), "{}{}{}", file, file.empty() ? "" : ": ", error.what());
    }
    return values.reshaped(value.type.shape);
  }
  const PlanStep& step = plan.load[value.load_step];
  if (std::holds_alternative<Reshape>(step.op))
    return evaluate(plan, step.inputs[0]).reshaped(value.type.shape);
  std::vector<Tensor> inputs;
  std::vector<const void*> pointers;
  const TensorType type{DType::f32, value.type.shape};
  KernelRequest request{step.op, {}, type, {}, step.module};
  for (ValueId input : step.inputs) {
    inputs.push_back(evaluate(plan, input));
    pointers.push_back(inputs.back().bytes().data());
    request.inputs.push_back(inputs.back().type());
  }
  request.constant.assign(inputs.size(), true);
  Tensor result(type);
  reference_->kernel(request)->run({pointers, result.mutable_bytes().data(), nullptr});
  return result;
}

void WeightStore::release(const Plan& plan, ValueId id) const {
  const PlanValue& value = plan.values[id];
  if (value.load_step < 0) return checkpoint_.release_pages(checkpoint_.at(value.weight));
  for (ValueId input : plan.load[value.load_step].inputs) release(plan, input);
}

}  // namespace drypoint

#include "adapters/weight_change.h"

#include "base/error.h"

namespace drypoint {

void Difference::apply(Tensor& weight, const Tensor& /*original*/, double strength) const {
  const Tensor difference = delta(weight.shape());
  const auto from = difference.floats();
  const auto to = weight.mutable_floats();
  DRYPOINT_EXPECT(from.size() == to.size(), "{} for {}", to_string(difference.type()),
                  to_string(weight.type()));
  const auto factor = static_cast<float>(strength);
  for (size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
}

void Replacement::apply(Tensor& weight, const Tensor& original, double strength) const {
  const Tensor changed = result(original);
  const auto from = changed.floats();
  const auto to = weight.mutable_floats();
  DRYPOINT_EXPECT(from.size() == to.size(), "{} for {}", to_string(changed.type()),
                  to_string(weight.type()));
  const auto factor = static_cast<float>(strength);
  const auto before = original.floats();
  for (size_t i = 0; i < to.size(); ++i) to[i] += factor * (from[i] - before[i]);
}

MadeChange weight_change(ModuleTensors& module) {
  for (const auto make : {make_lora, make_loha, make_lokr, make_full})
    if (MadeDifference difference = make(module)) return with_dora(std::move(difference), module);
  for (const auto make : {make_set, make_oft, make_boft, make_ia3, make_glora})
    if (MadeChange change = make(module)) return change;
  return nullptr;
}

MadeChange bias_change(ModuleTensors& module) { return make_full_bias(module); }

}  // namespace drypoint

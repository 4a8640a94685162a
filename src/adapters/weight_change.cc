#include "adapters/weight_change.h"

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace drypoint {

RowsChange add_rows(const Tensor& difference, float factor, size_t row_size) {
  return [=](int64_t first, std::span<float> rows, std::span<const float>) {
    const float* from = &difference.floats()[static_cast<size_t>(first) * row_size];
    for (size_t i = 0; i < rows.size(); ++i) rows[i] += factor * from[i];
  };
}

RowsChange Difference::begin(const WeightRows& original, double strength) const {
  const Tensor difference = delta();
  DRYPOINT_EXPECT(difference.type().elements() == element_count(original.shape()), "{} for {}",
                  to_string(difference.type()), to_string(original.shape()));
  return add_rows(difference, static_cast<float>(strength), original.row_size());
}

RowsChange Replacement::begin(const WeightRows& original, double strength) const {
  const Tensor before = original.whole(), after = result(before);
  DRYPOINT_EXPECT(after.type().elements() == before.type().elements(), "{} for {}",
                  to_string(after.type()), to_string(before.type()));
  Tensor difference(before.type());
  std::ranges::transform(after.floats(), before.floats(), difference.mutable_floats().begin(),
                         std::minus());
  return add_rows(difference, static_cast<float>(strength), original.row_size());
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

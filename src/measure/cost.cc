#include "measure/cost.h"

namespace drypoint {

bool multiplies(const Op& op) {
  const Category of = category(op);
  return of == Category::convolution || of == Category::product || of == Category::attention;
}

Cost cost_of(const Op& op, Inputs inputs, const std::vector<bool>& constant,
             const TensorType& output) {
  if (is_view(op)) return {};
  Cost cost{flops_of(op, inputs, output), static_cast<double>(output.bytes())};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool lowered = constant[i] && is_float(output.dtype) && is_float(inputs[i].dtype);
    cost.bytes += elements_read(op, i, inputs, output) *
                  static_cast<double>(size_of(lowered ? output.dtype : inputs[i].dtype));
  }
  return cost;
}

}  // namespace drypoint

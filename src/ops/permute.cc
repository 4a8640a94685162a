#include "ops/permute.h"

#include <algorithm>

namespace drypoint {

TensorType infer(const Permute& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].shape.size() == op.axes.size(), op.name,
               "axes {} of {}", op.axes, inputs.empty() ? "nothing" : to_string(inputs[0].shape));
  auto sorted = op.axes;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i)
    expect_input(sorted[i] == static_cast<int64_t>(i), op.name, "axes {}", op.axes);
  TensorType out{inputs[0].dtype, {}};
  for (const int64_t axis : op.axes) out.shape.push_back(inputs[0].shape[axis]);
  return out;
}

}  // namespace drypoint

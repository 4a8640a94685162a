#include "ops/max_pool.h"

namespace drypoint {

TensorType infer(const MaxPool& op, Inputs inputs) { return infer_pool(op, inputs); }

}  // namespace drypoint

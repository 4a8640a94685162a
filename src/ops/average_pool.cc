#include "ops/average_pool.h"

namespace drypoint {

TensorType infer(const AveragePool& op, Inputs inputs) { return infer_pool(op, inputs); }

}  // namespace drypoint

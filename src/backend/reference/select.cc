#include <algorithm>

#include "backend/reference/kernels.h"
#include "base/error.h"

namespace drypoint::reference {

void run(const Select& op, const KernelRequest& request, const Launch& launch) {
  const int64_t row = request.output.elements(), rows = request.inputs[0].shape[0];
  const int32_t index = launch.i32(1)[0];
  if (index < 0 || index >= rows)
    fail(ErrorKind::bad_argument, "[{}] row {}, expected 0 to {}", op.name, index, rows - 1);
  std::copy_n(launch.f32(0) + index * row, row, launch.out());
}

}  // namespace drypoint::reference

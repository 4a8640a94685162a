#include "ops/select.h"

#include "backend/cpu/kernels.h"
#include "base/error.h"

namespace drypoint::cpu {

KernelPtr make(const Select& op, const KernelRequest& request, const Context&) {
  return make_kernel([=, row = request.output.elements(),
                      rows = request.inputs[0].shape[0]](const Launch& launch) {
    const int32_t index = launch.i32(1)[0];
    if (index < 0 || index >= rows)
      fail(ErrorKind::bad_argument, "[{}] row {}, expected 0 to {}", op.name, index, rows - 1);
    std::copy_n(launch.f32(0) + index * row, row, launch.out());
  });
}

}  // namespace drypoint::cpu

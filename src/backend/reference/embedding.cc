#include <algorithm>

#include "backend/reference/kernels.h"
#include "base/error.h"

namespace drypoint::reference {

void run(const Embedding& op, const KernelRequest& request, const Launch& launch) {
  const Shape& table = request.inputs[1].shape;
  for (int64_t i = 0; i < request.inputs[0].elements(); ++i) {
    const int32_t id = launch.i32(0)[i];
    if (id < 0 || id >= table[0])
      fail(ErrorKind::bad_argument, "[{}] id {}, expected 0 to {}", op.name, id, table[0] - 1);
    std::copy_n(launch.f32(1) + id * table[1], table[1], launch.out() + i * table[1]);
  }
}

}  // namespace drypoint::reference

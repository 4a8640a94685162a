#include "ops/embedding.h"

#include "backend/cpu/kernels.h"
#include "base/error.h"

namespace drypoint::cpu {

KernelPtr make(const Embedding& op, const KernelRequest& request, const Context&) {
  const Shape& table = request.inputs[1].shape;
  return make_kernel([=, ids = request.inputs[0].elements(), rows = table[0],
                      width = table[1]](const Launch& launch) {
    for (int64_t i = 0; i < ids; ++i) {
      const int32_t id = launch.i32(0)[i];
      if (id < 0 || id >= rows)
        fail(ErrorKind::bad_argument, "[{}] id {}, expected 0 to {}", op.name, id, rows - 1);
      std::copy_n(launch.f32(1) + id * width, width, launch.out() + i * width);
    }
  });
}

}  // namespace drypoint::cpu

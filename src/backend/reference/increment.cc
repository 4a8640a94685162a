#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Increment&, const KernelRequest&, const Launch& launch) {
  *static_cast<int32_t*>(launch.output) = launch.i32(0)[0] + 1;
}

}  // namespace drypoint::reference

#include "ops/increment.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Increment&, const KernelRequest&, const Context&) {
  return make_kernel(
      [](const Launch& launch) { *static_cast<int32_t*>(launch.output) = launch.i32(0)[0] + 1; });
}

}  // namespace drypoint::cpu

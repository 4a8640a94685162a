#include <algorithm>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Expand& op, const KernelRequest& request, const Launch& launch) {
  const int64_t count = request.inputs[0].elements();
  for (int64_t i = 0; i < op.times; ++i)
    std::copy_n(launch.f32(0), count, launch.out() + i * count);
}

}  // namespace drypoint::reference

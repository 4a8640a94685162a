#include <algorithm>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Reshape&, const KernelRequest& request, const Launch& launch) {
  if (launch.output != launch.inputs[0])
    std::copy_n(launch.f32(0), request.output.elements(), launch.out());
}

}  // namespace drypoint::reference

#include <algorithm>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

// All tensors are float32 here, and so there is nothing to round.
void run(const Cast&, const KernelRequest& request, const Launch& launch) {
  std::copy_n(launch.f32(0), request.output.elements(), launch.out());
}

}  // namespace drypoint::reference

#include "backend/in_floats.h"
#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Quantize& op, const KernelRequest& request, const Launch& launch) {
  const int64_t count = request.output.elements();
  quantize(launch.f32(0), op.to, launch.f32(1), request.inputs[1].shape[0], count, 0, count,
           static_cast<uint8_t*>(launch.output));
}

}  // namespace drypoint::reference

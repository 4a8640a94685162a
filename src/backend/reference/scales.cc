#include "backend/reference/kernels.h"
#include "tensor/eight_bits.h"

namespace drypoint::reference {

void run(const Scales& op, const KernelRequest& request, const Launch& launch) {
  const auto size = static_cast<size_t>(request.inputs[0].elements() / op.count);
  parallel(op.count, [&](int64_t i) {
    launch.out()[i] = scale_of({launch.f32(0) + static_cast<size_t>(i) * size, size}, op.to);
  });
}

}  // namespace drypoint::reference

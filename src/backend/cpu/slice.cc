#include "ops/slice.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Slice& op, const KernelRequest& request, const Context& context) {
  const size_t offset = view_offset(op, request.inputs[0]) / sizeof(float);
  return make_kernel([=, elements = request.output.elements()](const Launch& launch) {
    if (launch.output != launch.f32(0) + offset)
      parallel_copy(context, launch.f32(0) + offset, elements, launch.out());
  });
}

}  // namespace drypoint::cpu

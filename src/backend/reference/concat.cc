#include <algorithm>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Concat& op, const KernelRequest& request, const Launch& launch) {
  const Shape& out = request.output.shape;
  const size_t axis = op.axis < 0 ? op.axis + out.size() : op.axis;
  const int64_t inner = element_count(Shape(out.begin() + axis + 1, out.end()));
  const int64_t outer = element_count(Shape(out.begin(), out.begin() + axis));
  int64_t done = 0;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const int64_t part = request.inputs[i].shape[axis] * inner;
    for (int64_t o = 0; o < outer; ++o)
      std::copy_n(launch.f32(i) + o * part, part, launch.out() + o * out[axis] * inner + done);
    done += part;
  }
}

}  // namespace drypoint::reference

// What the kernels in cuda/ can do: told here, where it is known without CUDA too.
#include "backend/backend.h"

namespace drypoint {

Target cuda_target(const CudaOptions& options) {
  return {.precision = options.precision,
          .dtypes = {DType::f16, DType::bf16, DType::f32},
          .fused = FusedForms::all(),
          .vector_width = 8,
          .aux_streams = options.aux_streams,
          .useful_batch = 16,
          .tunes = true};
}

}  // namespace drypoint

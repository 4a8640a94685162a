// What the kernels in cuda/ can do: told here, where it is known without CUDA too.
#include "backend/backend.h"

namespace drypoint {

Target cuda_target(const CudaOptions& options) {
  Target target{.precision = options.precision,
                .dtypes = {DType::f16, DType::bf16, DType::f32},
                .fused = FusedForms::all(),
                .vector_width = 8,
                .aux_streams = options.aux_streams,
                .useful_batch = 16,
                .tunes = true};
  if (options.precision != DType::f32) {  // f8 from compute capability 8.9 on; `Backend::target`
    target.eight_bits = {DType::f8, DType::i8};
    target.fused.dequantize = target.fused.quantize = true;
  }
  return target;
}

}  // namespace drypoint

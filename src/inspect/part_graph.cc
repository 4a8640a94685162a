#include "inspect/part_graph.h"

#include "backend/backend.h"
#include "backend/cuda_chip.h"
#include "base/error.h"
#include "diffusion/request/request.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "models/vae.h"
#include "tensor/precision.h"

namespace drypoint {

Graph part_graph(const ModelFiles& files, const GraphOptions& options) {
  check_size(options.size, "size");
  check_samples(options.batch, "batch");
  if (options.part != "text" && options.part != "denoiser" && options.part != "vae")
    fail(ErrorKind::bad_argument, "part: \"{}\", expected text, denoiser or vae", options.part);
  const ModelConfig config = detect(assemble(files).tensors);
  const int64_t height = options.size.height / 8, width = options.size.width / 8;
  if (options.part == "text") return build_clip(config.text, {});
  if (options.part == "vae") return build_vae_decoder(config.vae, options.batch, height, width);
  DenoiserShape shape{.latents = options.batch, .height = height, .width = width};
  if (config.controls.empty()) shape.controls.clear();
  return build_denoiser(config, shape);
}

Target target_for(const GraphOptions& options) {
  const Precision precision = options.precision;
  if (options.device == "cuda") return cuda_target({.precision = dtype_of(precision)});
  if (options.device.starts_with("cuda:"))
    return make_cuda_chip({.precision = dtype_of(precision)}, capability_of(options.device))
        ->target();
  if (options.device != "cpu")
    fail(ErrorKind::bad_argument, "device: \"{}\", expected cpu, cuda, or cuda:8.6 and the like",
         options.device);
  const DType factors = dtype_of(precision, DType::f32);
  if (precision == Precision::tf32 || (factors != DType::f32 && factors != DType::bf16))
    fail(ErrorKind::unsupported,
         "precision: \"{}\" on device cpu, expected fp32, bf16, fp8 or int8", precision.name());
  return cpu_target(factors);
}

}  // namespace drypoint

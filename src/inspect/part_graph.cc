#include "inspect/part_graph.h"

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/sizes.h"
#include "diffusion/request.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/vae.h"

namespace drypoint {
namespace {

WeightTypes types_of(const std::vector<TensorSpec>& specs) {
  WeightTypes types;
  for (const auto& [name, shape] : specs) types[name] = {DType::f32, shape};
  return types;
}

Graph denoiser_graph(const Checkpoint& checkpoint, const GraphOptions& options) {
  const UnetSizes unet = read_unet_sizes(checkpoint.tensors);
  WeightTypes types = types_of(tensors_of(unet));
  const bool control = checkpoint.has(Part::control);
  if (control) types.merge(types_of(tensors_of(read_controlnet_sizes(checkpoint.tensors))));
  return build_denoiser(types, {unet.heads, unet.groups},
                        {.latents = options.batch,
                         .height = options.size.height / 8,
                         .width = options.size.width / 8,
                         .control = control});
}

}  // namespace

Graph part_graph(const ModelFiles& files, const GraphOptions& options) {
  check_size(options.size, "size");
  check_samples(options.batch, "batch");
  if (options.part != "text" && options.part != "denoiser" && options.part != "vae")
    fail(ErrorKind::bad_argument, "part: \"{}\", expected text, denoiser or vae", options.part);
  const Checkpoint checkpoint = assemble(files);
  if (options.part == "text") {
    const ClipSizes text = read_clip_sizes(checkpoint.tensors);
    return build_clip(types_of(tensors_of(text)), {text.heads}, 2, text.positions);
  }
  if (options.part == "denoiser") return denoiser_graph(checkpoint, options);
  const VaeSizes vae = read_vae_sizes(checkpoint.tensors);
  return build_vae_decoder(types_of(tensors_of(vae)), options.batch, options.size.height / 8,
                           options.size.width / 8, {vae.groups});
}

Target target_for(const GraphOptions& options) {
  const std::string& precision = options.precision;
  const bool gpu = options.device == "cuda";
  if (!gpu && options.device != "cpu")
    fail(ErrorKind::bad_argument, "device: \"{}\", expected cpu or cuda", options.device);
  if (precision != "auto" && precision != "fp16" && precision != "bf16" && precision != "tf32" &&
      precision != "fp32")
    fail(ErrorKind::bad_argument, "precision: \"{}\", expected auto, fp16, bf16, tf32 or fp32",
         precision);
  if (!gpu && precision != "auto" && precision != "fp32")
    fail(ErrorKind::unsupported, "precision: \"{}\" on device cpu, expected fp32", precision);
  if (!gpu) return {};
  if (precision == "bf16") return {DType::bf16, true};
  return {precision == "auto" || precision == "fp16" ? DType::f16 : DType::f32, true};
}

}  // namespace drypoint

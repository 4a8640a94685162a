// https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-inpainting: the UNet takes the
// latent, the mask and the latent of the picture without what is masked. ControlNets are the usual
// ones, which see the latent alone.
#include "models/family.h"

namespace drypoint {
namespace {

ModelConfig inpainting(ModelConfig config) {
  config.unet.in_channels = 2 * config.unet.out_channels + 1;
  return config;
}

}  // namespace

ModelConfig sd15_inpainting() { return inpainting(sd15()); }
ModelConfig tiny_inpainting() { return inpainting(tiny_sd15()); }

}  // namespace drypoint

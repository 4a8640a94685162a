#include "models/family.h"

namespace drypoint {

std::span<const Family> families() {
  static constexpr Family all[] = {
      {"sd15", "Stable Diffusion 1.5", sd15},
      {"sd15-inpainting", "Stable Diffusion 1.5, inpainting", sd15_inpainting},
      {"sd21", "Stable Diffusion 2", sd21},
      {"sd21-base", "Stable Diffusion 2", sd21_base},
      {"tiny", "Stable Diffusion 1.5, tiny", tiny_sd15},
      {"tiny-inpainting", "Stable Diffusion 1.5, inpainting, tiny", tiny_inpainting},
      {"tiny-sd21", "Stable Diffusion 2, tiny", tiny_sd21},
  };
  return all;
}

const Family* family_of(const UnetConfig& trunk) {
  for (const Family& family : families()) {
    UnetConfig unet = family.config().unet;
    if (trunk.out_channels == 0) unet.out_channels = 0;
    unet.guidance_width = trunk.guidance_width;  // distilled or not
    if (unet == trunk) return &family;
  }
  return nullptr;
}

}  // namespace drypoint

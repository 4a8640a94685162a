// https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5 and
// https://huggingface.co/lllyasviel/ControlNet
#include "models/family.h"

namespace drypoint {
namespace {

ModelConfig of_widths(const std::vector<int64_t>& unet_channels,
                      const std::vector<int64_t>& vae_channels, int64_t text_width,
                      int64_t text_layers) {
  UnetConfig unet{.in_channels = 4,
                  .out_channels = 4,
                  .model_channels = unet_channels[0],
                  .time_width = 4 * unet_channels[0],
                  .middle = {unet_channels.back(), 1, 8},
                  .res_blocks = 2,
                  .context_width = text_width,
                  .groups = 32};
  for (const int64_t channels : unet_channels) unet.levels.push_back({channels, 1, 8});
  unet.levels.back().depth = 0;
  ControlnetConfig control{unet, {3, 16, 16, 32, 32, 96, 96, 256, unet.model_channels}};
  control.trunk.out_channels = 0;
  return {.unet = unet,
          .controls = {control},
          .vae = {.image_channels = 3,
                  .latent_channels = 4,
                  .base_channels = vae_channels[0],
                  .channels = vae_channels,
                  .res_blocks = 2,
                  .groups = 32,
                  .scaling_factor = 0.18215},
          .text = {.vocabulary = 49408,
                   .positions = 77,
                   .width = text_width,
                   .layers = text_layers,
                   .heads = text_width / 64,
                   .mlp_width = 4 * text_width,
                   .activation = ActivationKind::quick_gelu},
          .prediction = Prediction::epsilon};
}

}  // namespace

ModelConfig sd15() { return of_widths({320, 640, 1280, 1280}, {128, 256, 512, 512}, 768, 12); }

ModelConfig tiny_sd15() { return of_widths({32, 32, 64, 64}, {32, 32, 64, 64}, 64, 3); }

}  // namespace drypoint

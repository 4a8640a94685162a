// https://huggingface.co/stabilityai/stable-diffusion-2-1 (768 pixels, v-prediction) and
// https://huggingface.co/stabilityai/stable-diffusion-2-1-base (512 pixels); 2.0's are the same in
// structure. The text encoder is OpenCLIP's ViT-H/14, without the last of its 24 layers.
// ControlNets: https://huggingface.co/thibaud/controlnet-sd21
#include "models/family.h"

namespace drypoint {
namespace {

/// Heads are 64 columns wide.
ModelConfig sd2_of(ModelConfig config, const std::vector<int64_t>& unet_channels,
                   int64_t text_width, int64_t text_layers) {
  UnetConfig& unet = config.unet;
  unet.model_channels = unet_channels[0];
  unet.time_width = 4 * unet_channels[0];
  unet.context_width = text_width;
  unet.linear_projections = true;
  for (size_t i = 0; i < unet_channels.size(); ++i) {
    unet.levels[i].channels = unet_channels[i];
    unet.levels[i].heads = unet_channels[i] / 64;
  }
  unet.middle.channels = unet_channels.back();
  unet.middle.heads = unet_channels.back() / 64;
  auto& control = std::get<ControlnetConfig>(config.controls[0]);
  control.trunk = unet;
  control.trunk.out_channels = 0;
  control.hint_channels.back() = unet.model_channels;
  config.text.width = text_width;
  config.text.layers = text_layers;
  config.text.heads = text_width / 64;
  config.text.mlp_width = 4 * text_width;
  config.text.activation = ActivationKind::gelu;
  config.prediction = Prediction::v;
  return config;
}

}  // namespace

ModelConfig sd21() { return sd2_of(sd15(), {320, 640, 1280, 1280}, 1024, 23); }

ModelConfig sd21_base() {
  ModelConfig config = sd21();
  config.prediction = Prediction::epsilon;
  return config;
}

ModelConfig tiny_sd21() { return sd2_of(tiny_sd15(), {64, 64, 64, 128}, 128, 3); }

}  // namespace drypoint

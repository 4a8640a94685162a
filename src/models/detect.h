// What a checkpoint's models are, read off its tensors' shapes and, where shapes do not show it,
// its JSON configurations.
#pragma once

#include "checkpoint/named_tensors.h"
#include "models/configs.h"

namespace drypoint {

/// These need canonical names. They throw bad_file naming the tensor that is missing or has a shape
/// that cannot be right. Heads, groups and the VAE's scaling factor come from the JSON
/// configurations in `metadata` if there are any, else they are 8 (UNet, ControlNet), width / 64
/// (text), 32 and 0.18215.
ClipConfig detect_clip(const NamedTensors& tensors);
UnetConfig detect_unet(const NamedTensors& tensors);
ControlnetConfig detect_controlnet(const NamedTensors& tensors);
VaeConfig detect_vae(const NamedTensors& tensors);

/// All of them, with a ControlNet if there is one.
ModelConfig detect(const NamedTensors& tensors);

}  // namespace drypoint

// What a checkpoint's models are, read off its tensors' shapes and, where shapes do not show it,
// its JSON configurations.
#pragma once

#include "checkpoint/named_tensors.h"
#include "models/configs.h"

namespace drypoint {

/// These need canonical names. They throw bad_file naming the tensor that is missing or has a shape
/// that cannot be right. Heads, groups and the VAE's scaling factor come from the JSON
/// configurations in `metadata` if there are any, else they are 8 (UNet, ControlNet) or, with
/// linear projections, 64 columns a head, width / 64 (text), 32 and 0.18215. A text encoder's
/// activation is that of its configuration, else OpenCLIP's from a width of 1024 on.
ClipConfig detect_clip(const NamedTensors& tensors);
UnetConfig detect_unet(const NamedTensors& tensors);
ControlnetConfig detect_controlnet(const NamedTensors& tensors);
/// A ControlNet or T2I-Adapter.
ControlConfig detect_control(const NamedTensors& tensors);
/// Of those of a model number i.
ControlConfig detect_control_number(const NamedTensors& tensors, size_t number);
VaeConfig detect_vae(const NamedTensors& tensors);

/// What a UNet predicts, where nothing says it, by its weights: Stable Diffusion 2's for 768 pixels
/// and its descendants have larger biases in their last transformer than those that predict noise
/// (ComfyUI's rule, comfy/supported_models.py).
Prediction guessed_prediction(const NamedTensors& tensors, const UnetConfig& unet);

/// All of them, with as many ControlNets as there are.
ModelConfig detect(const NamedTensors& tensors);

}  // namespace drypoint

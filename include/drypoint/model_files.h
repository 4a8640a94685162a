// Where a model's parts come from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/sampling.h"

namespace drypoint {

/// A ControlNet and what requests call it.
struct NamedControl {
  std::string name;            ///< "canny", "depth": letters, digits, `_`, `-` and `.`
  std::filesystem::path file;  ///< a checkpoint file or a diffusers folder
};

/// What a ControlNet is called that has no other name.
inline constexpr const char* usual_control_name = "canny";

/// Each path is a checkpoint file (safetensors, or any PyTorch file) or a diffusers folder;
/// "random:sd15", "random:sd21", "random:tiny" and the like (see synth.h) are models of random
/// weights, without a file, for measurements.
struct ModelFiles {
  std::filesystem::path model;  ///< UNet, VAE, text encoder, perhaps a ControlNet
  /// A ControlNet named "canny", before those of `controls`. Either takes the place of the model's
  /// own, if there is one; without any a model draws without control.
  std::optional<std::filesystem::path> control;
  std::vector<NamedControl> controls;
  std::optional<std::filesystem::path> vae, text_encoder;  ///< instead of the model's own
  /// A folder of textual inversion embeddings (.pt, .bin, .safetensors), which prompts call by
  /// their files' names.
  std::optional<std::filesystem::path> embeddings;
  /// A folder of LoRAs and other adapters, which requests and prompts call by their files' names.
  std::optional<std::filesystem::path> loras;
  /// A network that makes pictures larger (ESRGAN, RealESRGAN: .pth, .safetensors), for second
  /// passes with `HiresUpscaler::model`.
  std::optional<std::filesystem::path> upscaler;
  /// A folder of the weights of preprocessors that are networks (see annotate.h), each in a file of
  /// its public name, such as body_pose_model.pth, at any depth.
  std::optional<std::filesystem::path> annotators;
  /// What the UNet's output means; `automatic`: what the model says (see docs/command_line.md).
  Prediction prediction = Prediction::automatic;
  /// With the precisions fp8 and int8: the ranges of values that `calibrate` found (see
  /// calibrate.h). A plan keeps those that it was built with.
  std::optional<std::filesystem::path> calibration;
  /// With these precisions: modules that stay as they are, by their names in the original code, or
  /// all whose names begin with what stands before a last `*`.
  std::vector<std::string> keep;
  /// A plan (see plan.h), instead of `model`, `vae` and `text_encoder`, which must be empty then.
  std::optional<std::filesystem::path> plan;
};

}  // namespace drypoint

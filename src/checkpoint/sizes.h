// A model's sizes, read off its tensors' shapes, and every tensor that a model of such sizes has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "checkpoint/parts.h"

namespace drypoint {

struct ClipSizes {
  int64_t vocabulary = 0, positions = 0, width = 0, layers = 0, heads = 0, mlp_width = 0;
  bool operator==(const ClipSizes&) const = default;
};

/// The UNet; its way down and middle are the ControlNet's too.
struct UnetSizes {
  int64_t in_channels = 0, out_channels = 0;  // a ControlNet has no out_channels: 0
  int64_t model_channels = 0;
  std::vector<int64_t> channels;  // per level, from the full-size one down
  std::vector<bool> attention;    // per level; the middle always has attention
  int64_t res_blocks = 0;         // per level on the way down; one more on the way up
  int64_t transformer_depth = 0, context_width = 0, time_width = 0, heads = 0, groups = 0;
  bool operator==(const UnetSizes&) const = default;

  size_t levels() const { return channels.size(); }
};

struct ControlnetSizes {
  UnetSizes trunk;
  /// The hint's channels, then each 3x3 convolution's outputs, the last of which are
  /// model_channels: {3, 16, 16, 32, 32, 96, 96, 256, 320}. Convolution i is named
  /// input_hint_block.{2i}; 2, 4 and 6 have stride 2.
  std::vector<int64_t> hint_channels;
  bool operator==(const ControlnetSizes&) const = default;
};

struct VaeSizes {
  int64_t picture_channels = 0, latent_channels = 0;
  int64_t moments = 0;            // channels of the encoder's output: means and log variances
  int64_t base_channels = 0;      // of the encoder's first convolution
  std::vector<int64_t> channels;  // per level, from the full-size one down
  int64_t res_blocks = 0;         // per level of the encoder; the decoder has one more
  int64_t groups = 0;
  double scaling_factor = 0.18215;  // latents are what the encoder gives times this
  bool operator==(const VaeSizes&) const = default;
};

/// These need canonical names. They throw bad_file naming the tensor that is missing or has a shape
/// that cannot be right. Heads, groups and the VAE's scaling factor come from the JSON
/// configurations in `metadata` if there are any, else they are 8 (UNet, ControlNet), width / 64
/// (text), 32 and 0.18215.
ClipSizes read_clip_sizes(const NamedTensors& tensors);
UnetSizes read_unet_sizes(const NamedTensors& tensors);
ControlnetSizes read_controlnet_sizes(const NamedTensors& tensors);
VaeSizes read_vae_sizes(const NamedTensors& tensors);

struct TensorSpec {
  std::string name;
  Shape shape;
};

/// Every tensor that a model of these sizes needs, in the order of execution.
std::vector<TensorSpec> tensors_of(const ClipSizes& sizes);
std::vector<TensorSpec> tensors_of(const UnetSizes& sizes);
std::vector<TensorSpec> tensors_of(const ControlnetSizes& sizes);
std::vector<TensorSpec> tensors_of(const VaeSizes& sizes);

/// What is wrong with each tensor needed, one line each: "tensor X: missing", "tensor X: found
/// f16[3], expected [4]". Empty if the model is complete.
std::vector<std::string> problems(const NamedTensors& tensors,
                                  const std::vector<TensorSpec>& needed);

/// Throws bad_file with the first of the problems, after `file`.
void check_complete(const NamedTensors& tensors, const std::vector<TensorSpec>& needed,
                    const std::string& file);

}  // namespace drypoint

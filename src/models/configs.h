// What a model of each kind is made of: all that its builder needs to know. Configurations are
// plain data; `detect.h` reads them off a checkpoint, families (`family.h`) have the published
// ones.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "drypoint/sampling.h"
#include "ops/activation.h"

namespace drypoint {

/// The UNet; its way down and middle are the ControlNet's too.
struct UnetConfig {
  struct Level {
    int64_t channels = 0;
    int64_t depth = 0;  // transformer blocks behind each residual block; 0: no attention
    int64_t heads = 0;  // of each attention; divides the channels
    bool operator==(const Level&) const = default;
  };

  int64_t in_channels = 4, out_channels = 4;  // a ControlNet has no out_channels: 0
  int64_t model_channels = 0, time_width = 0;
  std::vector<Level> levels;  // from the full-size one down
  Level middle;
  int64_t res_blocks = 0;  // per level on the way down; one more on the way up
  int64_t context_width = 0;
  int64_t groups = 32;              // of every group norm
  bool linear_projections = false;  // around transformers: products rather than 1x1 convolutions
  /// Of the embedding of the guidance scale that a UNet distilled with guidance is told (those of
  /// latent consistency models); 0: it is told none. A ControlNet is not.
  int64_t guidance_width = 0;
  bool operator==(const UnetConfig&) const = default;

  /// Outputs of a ControlNet for it: one for each input block, and the middle's.
  int64_t controls() const {
    const auto count = static_cast<int64_t>(levels.size());
    return 1 + count * res_blocks + (count - 1) + 1;
  }
};

/// Whether it takes a mask and the latent of the picture without what is masked, beside the latent.
constexpr bool is_inpainting(const UnetConfig& unet) {
  return unet.in_channels == 2 * unet.out_channels + 1;
}

struct ControlnetConfig {
  UnetConfig trunk;
  /// The hint's channels, then each 3x3 convolution's outputs, the last of which are
  /// model_channels: {3, 16, 16, 32, 32, 96, 96, 256, 320}. Convolution i is named
  /// input_hint_block.{2i}; 2, 4 and 6 have stride 2.
  std::vector<int64_t> hint_channels;
  /// Whether what it gives is averaged over the picture, as of those for shuffled pictures.
  bool pooled = false;
  bool operator==(const ControlnetConfig&) const = default;
};

struct T2iAdapterConfig {
  int64_t hint_channels = 3;
  std::vector<int64_t> channels;  // of the features for each level of the UNet
  int64_t res_blocks = 0;         // per level
  bool light = false;             // a quarter of the channels inside
  bool operator==(const T2iAdapterConfig&) const = default;
};

/// What steers a UNet.
using ControlConfig = std::variant<ControlnetConfig, T2iAdapterConfig>;
inline bool is_pooled(const ControlConfig& config) {
  const auto* net = std::get_if<ControlnetConfig>(&config);
  return net && net->pooled;
}
inline int64_t hint_channels(const ControlConfig& config) {
  const auto* adapter = std::get_if<T2iAdapterConfig>(&config);
  return adapter ? adapter->hint_channels
                 : std::get<ControlnetConfig>(config).hint_channels.front();
}

struct VaeConfig {
  int64_t image_channels = 3, latent_channels = 4;
  int64_t base_channels = 0;        // of the encoder's first convolution
  std::vector<int64_t> channels;    // per level, from the full-size one down
  int64_t res_blocks = 0;           // per level of the encoder; the decoder has one more
  int64_t groups = 32;              // of every group norm
  double scaling_factor = 0.18215;  // latents are what the encoder gives times this
  bool has_encoder = true;          // drawing needs none, and some files have none
  bool is_tiny = false;             // TAESD's: `base_channels` everywhere, no norms
  bool operator==(const VaeConfig&) const = default;
};

/// A CLIP text encoder: OpenAI's or OpenCLIP's.
struct ClipConfig {
  int64_t vocabulary = 0, positions = 0, width = 0;
  int64_t layers = 0;  // that run; a file may hold more
  int64_t heads = 0, mlp_width = 0;
  ActivationKind activation = ActivationKind::quick_gelu;
  bool operator==(const ClipConfig&) const = default;
};

/// All of a pipeline's models.
struct ModelConfig {
  UnetConfig unet;
  std::vector<ControlConfig> controls;  // that can steer it, if any
  VaeConfig vae;
  ClipConfig text;
  /// What the UNet's output means; `automatic` where nothing says it.
  Prediction prediction = Prediction::automatic;
  /// Whether it was trained without signal at the last timestep.
  bool zero_terminal_snr = false;

  /// Of `controls` one that must be a ControlNet.
  const ControlnetConfig& controlnet(size_t number) const {
    return std::get<ControlnetConfig>(controls.at(number));
  }
};

}  // namespace drypoint

// The families of models there are, each in a file of its own: what its models are made of as
// published, and the same in tiny for tests.
#pragma once

#include <span>
#include <string_view>

#include "models/configs.h"

namespace drypoint {

struct Family {
  std::string_view name;   // as in `random:NAME`
  std::string_view title;  // for people
  ModelConfig (*config)();
};

/// Stable Diffusion 1.5 and its ControlNets; the second is a hundredth as wide.
ModelConfig sd15();
ModelConfig tiny_sd15();
/// The same with a UNet for inpainting.
ModelConfig sd15_inpainting();
ModelConfig tiny_inpainting();
/// Stable Diffusion 2.1 and its ControlNets: v-prediction, and the base model's of the noise.
ModelConfig sd21();
ModelConfig sd21_base();
ModelConfig tiny_sd21();

std::span<const Family> families();

/// The family that has such a UNet, or whose UNets a ControlNet of this trunk steers; nullptr where
/// none is known.
const Family* family_of(const UnetConfig& trunk);

}  // namespace drypoint

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

std::span<const Family> families();

}  // namespace drypoint

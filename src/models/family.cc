#include "models/family.h"

namespace drypoint {

std::span<const Family> families() {
  static constexpr Family all[] = {
      {"sd15", "Stable Diffusion 1.5", sd15},
      {"tiny", "Stable Diffusion 1.5, tiny", tiny_sd15},
  };
  return all;
}

}  // namespace drypoint

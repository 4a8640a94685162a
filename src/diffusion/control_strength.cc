#include "diffusion/control_strength.h"

#include <cmath>

#include "base/error.h"

namespace drypoint {

std::array<float, 13> control_scales(double strength, bool guess_mode) {
  if (!std::isfinite(strength) || strength < 0)
    fail(ErrorKind::bad_argument, "strength: {}, expected a finite number from 0", strength);
  std::array<float, 13> scales;
  for (int i = 0; i < 13; ++i)
    scales[static_cast<size_t>(i)] =
        static_cast<float>(guess_mode ? strength * std::pow(0.825, 12 - i) : strength);
  return scales;
}

}  // namespace drypoint

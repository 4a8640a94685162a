#include "diffusion/samplers/samplers.h"

#include <cmath>

namespace drypoint {

double Walk::log_way(int i) const { return std::log(sigma(i) / sigma(i + 1)); }

}  // namespace drypoint

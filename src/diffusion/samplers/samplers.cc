#include "diffusion/samplers/samplers.h"

#include <algorithm>
#include <cmath>

namespace drypoint {

double Walk::log_way(int i) const { return std::log(sigma(i) / sigma(i + 1)); }

int Walk::order(int i) const {
  const int left = steps() - i;
  const bool lower = settings.lower_order_final == LowerOrder::on ||
                     (settings.lower_order_final == LowerOrder::last && left == 1);
  return std::min({settings.order, i + 1, lower ? left : settings.order});
}

}  // namespace drypoint

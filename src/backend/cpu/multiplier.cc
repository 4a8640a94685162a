#include "backend/cpu/multiplier.h"

namespace drypoint::cpu {

std::vector<Multiplier> multipliers(DType factors) {
  std::vector<Multiplier> all;
  if (factors != DType::f32) {
    all = tile_multipliers(factors);
    const auto vectors = vector_multipliers(factors);
    all.insert(all.end(), vectors.begin(), vectors.end());
  }
  all.push_back(plain_multiplier(factors));
  return all;
}

}  // namespace drypoint::cpu

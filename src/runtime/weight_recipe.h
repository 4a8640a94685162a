// What a weight of a plan is made of: operations over tensors of the checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace drypoint {

struct WeightRecipe {
  /// Of all operations with all their attributes, shapes, and the sources' names: equal recipes
  /// make equal weights of equal sources.
  uint64_t hash = 0;
  std::vector<std::string> sources;  // names of tensors, in the order of first use, each once
};

WeightRecipe recipe_of(const Plan& plan, ValueId id);

/// "model.diffusion_model.input_blocks.0.0.weight +2 0123456789abcdef": the first source, how many
/// more there are, and the hash.
std::string to_string(const WeightRecipe& recipe);

}  // namespace drypoint

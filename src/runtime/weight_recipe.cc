#include "runtime/weight_recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/content_hash.h"
#include "ops/full_text.h"

namespace drypoint {
namespace {

void add_recipe(const Plan& plan, ValueId id, ContentHash& hash, WeightRecipe& recipe) {
  const PlanValue& value = plan.values[id];
  hash.add(to_string(value.type.shape));
  if (value.load_step < 0) {
    hash.add("source").add(value.weight);
    if (std::ranges::find(recipe.sources, value.weight) == recipe.sources.end())
      recipe.sources.push_back(value.weight);
    return;
  }
  const PlanOp& step = plan.load[value.load_step];
  hash.add(to_full_string(step.op)).add(step.inputs.size());
  for (const ValueId input : step.inputs) add_recipe(plan, input, hash, recipe);
}

}  // namespace

WeightRecipe recipe_of(const Plan& plan, ValueId id) {
  WeightRecipe recipe;
  ContentHash hash;
  add_recipe(plan, id, hash, recipe);
  recipe.hash = hash.value();
  return recipe;
}

std::string to_string(const WeightRecipe& recipe) {
  if (recipe.sources.empty()) return fmt::format("constant {:016x}", recipe.hash);
  const std::string more =
      recipe.sources.size() > 1 ? fmt::format(" +{}", recipe.sources.size() - 1) : "";
  return fmt::format("{}{} {:016x}", recipe.sources.at(0), more, recipe.hash);
}

}  // namespace drypoint

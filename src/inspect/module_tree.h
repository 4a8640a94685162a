// Tensors by their names' parts.
#pragma once

#include "checkpoint/named_tensors.h"
#include "drypoint/inspect.h"

namespace drypoint {

/// The tree of all tensors of `tensors` with the prefix "first_stage_model." and an element type
/// that can be a parameter's.
InspectedModule module_tree(const NamedTensors& tensors, std::string_view prefix);

/// The module that a tensor or operation is shown with: its name up to the first number, or up to
/// the last part if there is no number. "model.diffusion_model.input_blocks.4" of "model.diffusion_
/// model.input_blocks.4.1.proj_in".
std::string block_of(std::string_view name);

/// Whether `name` is `module` or lies in it.
bool lies_in(std::string_view name, std::string_view module);

}  // namespace drypoint

// Weights of eight bits with scales beside them, as ComfyUI and others save them.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Each "X.weight" of f8 that has an "X.scale_weight" (one number, or one a row) becomes what it
/// stands for, in f16. The scales go, and so do "X.scale_input", which rounds what other programs
/// multiply with it, and the mark "scaled_fp8". Throws bad_file for scales that do not fit.
void apply_weight_scales(NamedTensors& tensors, const std::string& file);

}  // namespace drypoint

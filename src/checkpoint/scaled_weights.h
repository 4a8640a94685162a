// Weights of eight bits with scales beside them, as ComfyUI, ModelOpt and others save them.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Each "X.weight" of f8 or i8 that has an "X.weight_scale" or "X.scale_weight" (one number, or one
/// a row) becomes what it stands for, in f16. What a layer's mark says, "X.comfy_quant" or
/// "_quantization_metadata" in the header, is obeyed: rotated weights are turned back (see
/// convrot.h). The scales and marks go. Throws bad_file for what does not fit, unsupported for
/// formats that are not read.
void apply_weight_scales(NamedTensors& tensors, const std::string& file);

}  // namespace drypoint

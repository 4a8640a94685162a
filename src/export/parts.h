// The graphs that `export_onnx` offers.
#pragma once

#include <string>
#include <vector>

#include "export/lower.h"
#include "models/assemble.h"
#include "models/step_inputs.h"

namespace drypoint {

struct ExportPart {
  std::string name;
  Graph graph;
  DimensionNames dimensions;
};

/// All that the checkpoint has weights for; sizes do not reach an ONNX file. Without a ControlNet
/// the UNet takes no controls, and "controlnet" and "denoiser" are not there; "denoiser" not for
/// inpainting either. For their inputs and outputs see drypoint/export.h.
std::vector<ExportPart> export_parts(const Checkpoint& checkpoint,
                                     const LatentSize& size = {2, 16, 24});

}  // namespace drypoint

// The graphs that `export_onnx` offers.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "export/lower.h"

namespace drypoint {

struct ExportPart {
  std::string name;
  Graph graph;
  DimensionNames dimensions;
};

/// What graphs are built for. Nothing of it reaches an ONNX file.
struct ExportSize {
  int64_t batch = 2;
  int64_t height = 16, width = 24;  // of the latents
};

/// All that the checkpoint has weights for: without a ControlNet the UNet takes no controls, and
/// "controlnet" and "denoiser" are not there. For their inputs and outputs see drypoint/export.h.
std::vector<ExportPart> export_parts(const Checkpoint& checkpoint, const ExportSize& size = {});

}  // namespace drypoint

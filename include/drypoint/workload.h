// What is measured: a model, a device, and the pictures that are drawn.
#pragma once

#include "drypoint/pipeline.h"

namespace drypoint {

/// The prompt, the edges (drawn by rule) and the seed are always the same: none of them changes
/// what there is to compute.
struct Workload {
  ModelFiles files;
  PipelineOptions options;
  int batch = 1;              ///< pictures of one request, 1 to 64
  int steps = 20;             ///< 1 to 999
  double guidance_scale = 9;  ///< at 1 a step costs half
};

}  // namespace drypoint

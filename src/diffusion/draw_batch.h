// From requests that were checked to their pictures.
#pragma once

#include "diffusion/generation.h"

namespace drypoint {

/// Encodes prompts and pictures, denoises, decodes, and writes each drawing's result. Throws
/// cancelled, out_of_memory, non_finite.
void draw(Stages& model, Batch batch);

}  // namespace drypoint

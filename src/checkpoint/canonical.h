// One naming for all checkpoints: that of the original latent-diffusion and ControlNet code.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Renames everything that belongs to a known part, whichever code wrote it, with or without the
/// part's prefix. The VAE's 1x1 convolutions that were stored as matrices [C, D] become
/// [C, D, 1, 1]. EMA copies are left out; what is not recognised keeps its name. `file` is for
/// messages. Throws unsupported for models of other families (SDXL, Stable Diffusion 3, ...).
NamedTensors canonical(NamedTensors tensors, const std::string& file);

}  // namespace drypoint

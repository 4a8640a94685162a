// Random weights without a file.
#pragma once

#include "checkpoint/named_tensors.h"
#include "drypoint/synth.h"

namespace drypoint {

/// What `synthesize` would write, in memory. Throws bad_argument, out_of_memory.
NamedTensors synthesized(const SynthOptions& options);

}  // namespace drypoint

// OpenCLIP's names for a text encoder's tensors, and its packed projections.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// Where Stable Diffusion 2's own files have their text encoder.
inline constexpr std::string_view openclip_prefix = "cond_stage_model.model.";

/// Gives an OpenCLIP text encoder (behind `openclip_prefix`, or a file of its own) the canonical
/// names, with the packed projections as three tensors each. Its last layer is left out, since
/// Stable Diffusion 2 reads the one before it (`layer: penultimate`); of 23 layers all stay, as
/// diffusers writes those that run alone. In the place of a configuration, which such files lack,
/// the metadata say that its activation is GELU. Other files stay as they are. `file` is for
/// messages. Throws bad_file for projections that are not three of a size.
NamedTensors without_openclip_names(NamedTensors given, const std::string& file);

}  // namespace drypoint

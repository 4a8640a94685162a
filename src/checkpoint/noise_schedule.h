// The noise that a diffusers folder says its model was trained on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// The share of signal left in the variance at each noise level (1000, falling from 1 to 0), from
/// `beta_schedule`, `beta_start`, `beta_end` or `trained_betas` of the folder's scheduler; keys
/// that are absent have diffusers' defaults for its class. Nothing if there is no such
/// configuration. `file` is for messages. Throws unsupported for other schedules, bad_file for
/// values that are none. diffusers/schedulers/scheduling_ddim.py, in float64 and then rounded to
/// float32.
std::optional<std::vector<float>> configured_alphas_cumprod(const Metadata& metadata,
                                                            const std::string& file);

}  // namespace drypoint

// What `score --sweep` varies.
#pragma once

#include <string>
#include <vector>

#include "drypoint/score.h"

namespace drypoint::cli {

/// Every combination of the values in sweeps such as "steps=8,11,20" and "eta=0,1"; `base` alone if
/// there are none. Throws bad_argument, and unsupported for what this build cannot draw with.
std::vector<ScoreVariant> variants_of(const ScoreVariant& base,
                                      const std::vector<std::string>& sweeps);

}  // namespace drypoint::cli

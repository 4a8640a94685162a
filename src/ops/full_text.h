// An operation with all it says, for what has to tell two apart.
#pragma once

#include <string>

#include "ops/ops.h"

namespace drypoint {

/// As `to_string`, with all attributes: equal texts are equal operations, also after defaults
/// change.
std::string to_full_string(const Op& op);

}  // namespace drypoint

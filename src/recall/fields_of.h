// From the settings in a text to the fields of a request.
#pragma once

#include "drypoint/recall.h"

namespace drypoint {

/// Fills in `fields`, `missing` and `notices` for the `parameters` and the source that are there.
void find_fields(Recalled& recalled);

}  // namespace drypoint

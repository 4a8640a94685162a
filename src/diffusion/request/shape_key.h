// Which requests can be drawn together.
#pragma once

#include <optional>
#include <string>

#include "drypoint/pipeline.h"

namespace drypoint {

/// What a request has in common with those that it can be drawn together with, as far as can be
/// told without a model; none for one that is drawn alone.
std::optional<std::string> shape_key(const Request& request);

}  // namespace drypoint

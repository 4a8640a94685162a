// The settings to write into a picture.
#pragma once

#include "drypoint/parameters.h"
#include "drypoint/pipeline.h"

namespace drypoint {

Parameters parameters_of(const Request& request, const ModelDescription& model, ImageSize size,
                         uint64_t seed);

}  // namespace drypoint

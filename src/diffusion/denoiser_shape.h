// Which denoiser a request needs.
#pragma once

#include "drypoint/pipeline.h"
#include "models/denoiser.h"

namespace drypoint {

class Model;

DenoiserShape denoiser_shape(const Model& model, ImageSize size, const Request& request,
                             size_t steps);

}  // namespace drypoint

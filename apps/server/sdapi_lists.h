#pragma once

#include "server/context.h"

namespace drypoint::server {

/// What there is: models, samplers, scripts …
void add_sdapi_lists(Routes& routes, const Context& context);

}  // namespace drypoint::server

#pragma once

#include "server/context.h"

namespace drypoint::server {

/// What is done with pictures that are there: their settings read, themselves made larger.
void add_sdapi_extras(Routes& routes, const Context& context);

}  // namespace drypoint::server

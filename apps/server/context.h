// What the families of endpoints work with, and what they add to the routes.
#pragma once

#include "server/catalog.h"
#include "server/desk.h"
#include "server/engines.h"
#include "server/journal.h"
#include "server/metrics.h"
#include "server/routes.h"

namespace drypoint::server {

struct Context {
  Desk& desk;
  Engines& engines;
  Catalog& catalog;
  Metrics& metrics;
  Journal* journal = nullptr;  ///< none: accepted jobs go with the process
};

void add_jobs(Routes& routes, const Context& context);  // /api/v1/jobs
/// Takes the jobs of the journal up again. -> how many could not be
size_t accept_again(const Context& context);
void add_studio(Routes& routes, const Context& context);      // what the page needs beside jobs
void add_page(Routes& routes);                                // /
void add_health(Routes& routes, const Context& context);      // /health, /ready, /metrics
void add_openapi(Routes& routes);                             // /openapi.json; the last of all
void add_sdapi(Routes& routes, const Context& context);       // /sdapi/v1/
void add_controlnet(Routes& routes, const Context& context);  // /controlnet/
void add_openai(Routes& routes, const Context& context);      // /v1/

}  // namespace drypoint::server

// For those who watch: alive, ready, counted.
#include "server/context.h"

namespace drypoint::server {

void add_health(Routes& routes, const Context& context) {
  routes.add({"GET", "/health", ErrorStyle::own, "Whether the process is alive",
              [](HttpRequest&) {
                return json_response({{"status", "ok"}});
              },
              false});
  routes.add({"GET", "/ready", ErrorStyle::own, "Whether it takes jobs",
              [context](HttpRequest&) {
                const bool ready = !context.desk.is_draining();
                HttpResponse response =
                    json_response({{"status", ready ? "ready" : "draining"}}, ready ? 200 : 503);
                if (!ready) response.headers.emplace_back("Retry-After", "30");
                return response;
              },
              false});
  routes.add({"GET", "/metrics", ErrorStyle::own, "Counts and times for Prometheus",
              [context](HttpRequest&) -> HttpResponse {
                return {.body = context.metrics.text(),
                        .type = "text/plain; version=0.0.4; charset=utf-8"};
              }});
}

}  // namespace drypoint::server

// The page to draw on. It holds no secrets, so it comes without a key and asks for one.
#include "server/context.h"

extern "C" const char drypoint_server_page[], drypoint_server_page_end[];  // page.S

namespace drypoint::server {

void add_page(Routes& routes) {
  routes.add({"GET", "/", ErrorStyle::own, "A page to draw on",
              [](HttpRequest&) {
                HttpResponse response{.body = {drypoint_server_page, drypoint_server_page_end},
                                      .type = "text/html; charset=utf-8"};
                response.headers = {
                    {"Content-Security-Policy",
                     "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                     "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
                     "form-action 'none'; frame-ancestors 'none'"},
                    {"Cache-Control", "no-cache"}};
                return response;
              },
              false});
}

}  // namespace drypoint::server

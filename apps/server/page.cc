// The page to draw on, one file for browsers. It holds no secrets, so it comes without a key and
// asks for one.
#include "server/context.h"

#define DRYPOINT_EMBEDDED(name) \
  extern "C" const char drypoint_server_##name[], drypoint_server_##name##_end[]  // page.S
DRYPOINT_EMBEDDED(page);
DRYPOINT_EMBEDDED(style);
DRYPOINT_EMBEDDED(texts);
DRYPOINT_EMBEDDED(asking);
DRYPOINT_EMBEDDED(board);
DRYPOINT_EMBEDDED(settings);
DRYPOINT_EMBEDDED(drawing);
#undef DRYPOINT_EMBEDDED

namespace drypoint::server {
namespace {

struct Part {
  std::string_view place;
  const char *begin, *end;
};

/// The page with its style and scripts in their places, which comments hold.
std::string whole_page() {
  std::string page(drypoint_server_page, drypoint_server_page_end);
  for (const Part& part :
       {Part{"/* page.css */", drypoint_server_style, drypoint_server_style_end},
        {"/* texts.js */", drypoint_server_texts, drypoint_server_texts_end},
        {"/* server.js */", drypoint_server_asking, drypoint_server_asking_end},
        {"/* board.js */", drypoint_server_board, drypoint_server_board_end},
        {"/* settings.js */", drypoint_server_settings, drypoint_server_settings_end},
        {"/* draw.js */", drypoint_server_drawing, drypoint_server_drawing_end}})
    page.replace(page.find(part.place), part.place.size(), part.begin,
                 static_cast<size_t>(part.end - part.begin));
  return page;
}

}  // namespace

void add_page(Routes& routes) {
  routes.add({"GET", "/", ErrorStyle::own, "A page to draw on",
              [page = whole_page()](HttpRequest&) {
                HttpResponse response{.body = page, .type = "text/html; charset=utf-8"};
                response.headers = {
                    {"Content-Security-Policy",
                     "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                     "img-src 'self' blob: data:; connect-src 'self' blob:; base-uri 'none'; "
                     "form-action 'none'; frame-ancestors 'none'"},
                    {"Cache-Control", "no-cache"}};
                return response;
              },
              false});
}

}  // namespace drypoint::server

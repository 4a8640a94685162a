// The OpenAPI document, from the routes themselves.
#include <memory>

#include "drypoint/version.h"
#include "server/context.h"

namespace drypoint::server {
namespace {

std::string lower_method(std::string text) {
  for (char& c : text) c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Json operation_of(const Route& route) {
  Json operation{{"summary", route.summary}, {"responses", {{"200", {{"description", "Done"}}}}}};
  if (route.path == "/api/v1/jobs" && route.method == "POST")
    operation["responses"] = {{"202", {{"description", "Accepted"}}}};
  operation["responses"]["default"] = {{"description", "What is wrong, in JSON"}};
  Json parameters = Json::array();
  for (size_t begin = route.path.find('{'); begin != std::string::npos;
       begin = route.path.find('{', begin + 1)) {
    const size_t end = route.path.find('}', begin);
    parameters.push_back({{"name", route.path.substr(begin + 1, end - begin - 1)},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}}}});
  }
  if (!parameters.empty()) operation["parameters"] = parameters;
  if (!route.body.is_null()) {
    const char* type =
        route.path == "/v1/images/edits" ? "multipart/form-data" : "application/json";
    operation["requestBody"] = {{"content", {{type, {{"schema", route.body}}}}}};
  }
  operation["security"] =
      route.needs_key ? Json::array({{{"bearer", Json::array()}}, {{"basic", Json::array()}}})
                      : Json::array();
  return operation;
}

}  // namespace

void add_openapi(Routes& routes) {
  const auto text = std::make_shared<std::string>();
  routes.add({"GET", "/openapi.json", ErrorStyle::own, "This document",
              [text](HttpRequest&) -> HttpResponse { return {.body = *text}; }, false});
  Json paths = Json::object();
  for (const Route& route : routes.all())
    paths[route.path][lower_method(route.method)] = operation_of(route);
  *text = dumped({{"openapi", "3.1.0"},
                  {"info", {{"title", "Drypoint"}, {"version", version()}}},
                  {"components",
                   {{"securitySchemes",
                     {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
                      {"basic", {{"type", "http"}, {"scheme", "basic"}}}}}}},
                  {"paths", paths}});
}

}  // namespace drypoint::server

#include "server/routes.h"

namespace drypoint::server {
namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/', 1), path.size());
    parts.push_back(path.substr(1, end - 1));
    path.remove_prefix(end);
  }
  return parts;
}

bool is_value(std::string_view part) { return part.starts_with("{"); }

bool matches(std::string_view pattern, std::string_view path,
             std::map<std::string, std::string>& values) {
  const auto expected = segments(pattern), found = segments(path);
  if (expected.size() != found.size()) return false;
  values.clear();
  for (size_t i = 0; i < expected.size(); ++i)
    if (is_value(expected[i]))
      values[std::string(expected[i].substr(1, expected[i].size() - 2))] = found[i];
    else if (expected[i] != found[i])
      return false;
  return true;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    default: return status < 500 ? "invalid_request_error" : "server_error";
  }
}

Json error_body(ErrorStyle style, const Refusal& refusal) {
  const char* what = refusal.what();
  switch (style) {
    case ErrorStyle::sdapi:
      return {{"error", "HTTPException"}, {"detail", what}, {"body", ""}, {"errors", what}};
    case ErrorStyle::openai:
      return {{"error",
               {{"message", what},
                {"type", reason_of(refusal.status)},
                {"param", refusal.field.empty() ? Json(nullptr) : Json(refusal.field)},
                {"code", refusal.status == 401   ? Json("invalid_api_key")
                         : refusal.status == 429 ? Json("rate_limit_exceeded")
                                                 : Json(nullptr)}}}};
    case ErrorStyle::own: break;
  }
  Json json{{"error", {{"status", refusal.status}, {"message", what}}}};
  if (!refusal.field.empty()) json["error"]["field"] = refusal.field;
  return json;
}

}  // namespace

const Route* Routes::find(HttpRequest& request, bool& other_method) const {
  other_method = false;
  for (const Route& route : all_) {
    if (!request.path.starts_with('/') || !matches(route.path, request.path, request.from_path))
      continue;
    if (route.method == request.method || (route.method == "GET" && request.method == "HEAD"))
      return &route;
    other_method = true;
  }
  return nullptr;
}

HttpResponse json_response(const Json& json, int status) {
  return {.status = status, .body = dumped(json)};
}

HttpResponse error_response(ErrorStyle style, const Refusal& refusal) {
  HttpResponse response = json_response(error_body(style, refusal), refusal.status);
  if (refusal.retry_after > 0)
    response.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after));
  if (refusal.status == 401)
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"drypoint\"");
  return response;
}

ErrorStyle style_of(std::string_view path) {
  if (path.starts_with("/sdapi/") || path.starts_with("/controlnet/")) return ErrorStyle::sdapi;
  return path.starts_with("/v1/") ? ErrorStyle::openai : ErrorStyle::own;
}

Refusal refusal_of(const std::exception& error, ErrorStyle style) {
  if (const auto* refusal = dynamic_cast<const Refusal*>(&error)) {
    Refusal result = *refusal;
    if (result.status == 422 && style != ErrorStyle::sdapi) result.status = 400;
    return result;
  }
  if (const auto* failure = dynamic_cast<const Error*>(&error)) {
    const std::string what = failure->what();
    const bool invalid = failure->kind() == ErrorKind::bad_argument;
    Refusal result(status_of(failure->kind(), style == ErrorStyle::sdapi ? 422 : 400), what,
                   invalid ? what.substr(0, std::min(what.find(':'), what.size())) : "");
    if (result.status == 503) result.retry_after = 10;
    return result;
  }
  if (dynamic_cast<const std::bad_alloc*>(&error)) {
    Refusal result(503, "out of memory");
    result.retry_after = 10;
    return result;
  }
  return {500, std::string("internal: ") + error.what()};
}

}  // namespace drypoint::server

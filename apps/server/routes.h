// What there is to ask for: each endpoint with its method, its path and what it is.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http.h"
#include "server/json.h"

namespace drypoint::server {

/// How a family of endpoints says what went wrong.
enum class ErrorStyle { own, sdapi, openai };

struct Route {
  std::string method, path;  ///< "/api/v1/jobs/{id}"
  ErrorStyle style;
  std::string summary;  ///< for people, in the OpenAPI document
  std::function<HttpResponse(HttpRequest&)> answer;
  bool needs_key = true;
  Json body = nullptr;  ///< the JSON schema of what is sent, if any
};

class Routes {
 public:
  void add(Route route) { all_.push_back(std::move(route)); }
  const std::vector<Route>& all() const { return all_; }
  /// Null where there is no such path; with `other_method`, whether it is there for others. Sets
  /// what the path has for "{id}".
  const Route* find(HttpRequest& request, bool& other_method) const;

 private:
  std::vector<Route> all_;
};

HttpResponse json_response(const Json& json, int status = 200);
/// An error as the clients of the family read it.
HttpResponse error_response(ErrorStyle style, const Refusal& refusal);
/// By its path alone, for those that no route answers.
ErrorStyle style_of(std::string_view path);
/// What was thrown, as a refusal.
Refusal refusal_of(const std::exception& error, ErrorStyle style);

}  // namespace drypoint::server

#include "server/auth.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "server/encoding.h"
#include "server/lower_case.h"

namespace drypoint::server {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

/// Without the port, and the brackets of IPv6.
std::string host_of(std::string_view header) {
  if (header.starts_with("[")) return std::string(header.substr(1, header.find(']') - 1));
  return in_lower_case(header.substr(0, header.find(':')));
}

bool is_address(const std::string& host) {
  in6_addr address;
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::string own_name() {
  char name[256] = "";
  ::gethostname(name, sizeof(name) - 1);
  return in_lower_case(name);
}

bool changes_something(const HttpRequest& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

}  // namespace

std::vector<Key> parse_keys(std::string_view text, std::string_view source) {
  std::vector<Key> keys;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.empty() || line.starts_with('#')) continue;
    const size_t colon = line.find(':');
    Key key{colon == line.npos ? "" : std::string(line.substr(0, colon)),
            std::string(line.substr(colon == line.npos ? 0 : colon + 1))};
    if (key.secret.size() < 16)
      throw Error(ErrorKind::bad_argument,
                  fmt::format("{}: key {} has {} letters, expected at least 16", source,
                              keys.size() + 1, key.secret.size()));
    keys.push_back(std::move(key));
  }
  return keys;
}

Access::Access(AccessOptions options) : options_(std::move(options)) {
  for (std::string& name : options_.host_names) name = in_lower_case(name);
  options_.host_names.insert(options_.host_names.end(), {"localhost", own_name()});
}

void Access::check_key(HttpRequest& request) const {
  if (options_.keys.empty()) return;
  const std::string_view header = request.header("authorization");
  const std::string scheme = in_lower_case(header.substr(0, header.find(' ')));
  const std::string_view value = trimmed(header.substr(std::min(header.size(), scheme.size())));
  std::string user;
  std::optional<std::string> secret;
  if (scheme == "bearer") secret = value;
  if (scheme == "basic")
    if (const auto pair = from_base64(value)) {
      const size_t colon = std::min(pair->find(':'), pair->size());
      user = pair->substr(0, colon);
      secret = pair->substr(std::min(pair->size(), colon + 1));
    }
  if (!secret) throw Refusal(401, "Not authenticated");
  bool known = false;
  for (size_t i = 0; i < options_.keys.size(); ++i) {  // all, whichever it is
    const Key& key = options_.keys[i];
    const bool of_user = scheme == "bearer" || key.user.empty() || same_secret(user, key.user);
    if (!(same_secret(*secret, key.secret) && of_user)) continue;
    known = true;
    request.client = fmt::format("key {}", i + 1);
  }
  if (!known) throw Refusal(401, "Incorrect username or password");
}

bool Access::is_allowed(std::string_view origin) const {
  return std::ranges::find(options_.origins, origin) != options_.origins.end();
}

void Access::check_browser(const HttpRequest& request) const {
  const std::string host = host_of(request.header("host"));
  if (options_.keys.empty() && !is_address(host) &&
      std::ranges::find(options_.host_names, host) == options_.host_names.end())
    refuse(403, "Host: \"{}\" is not known as a name of this machine (--host-name)", host);
  if (!changes_something(request)) return;
  const std::string_view origin = request.header("origin");
  if (origin.empty()) {
    const std::string_view site = request.header("sec-fetch-site");
    if (site == "cross-site") refuse(403, "Origin: a page of another site asks for this");
    return;
  }
  const size_t begin = origin.find("://");
  const bool own = begin != origin.npos &&
                   in_lower_case(origin.substr(begin + 3)) == in_lower_case(request.header("host"));
  if (!own && !is_allowed(origin))
    refuse(403, "Origin: \"{}\" may not ask for this (--allow-origin)", origin);
}

void Access::allow_origin(const HttpRequest& request, HttpResponse& response) const {
  const std::string_view origin = request.header("origin");
  if (options_.origins.empty() || origin.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  if (!is_allowed(origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  if (request.method != "OPTIONS") return;
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE");
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && is_address(std::string(host)));
}

}  // namespace drypoint::server

// Who may ask: keys, and which pages of a browser.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http.h"
#include "server/refusal.h"

namespace drypoint::server {

/// One line of a file of keys: "KEY" or "USER:KEY". Keys are for `Authorization: Bearer KEY` and
/// for Basic, with that user, or any where none stands there.
struct Key {
  std::string user, secret;
};

/// One a line; empty ones and those that begin with # are left out. Throws bad_argument for keys of
/// fewer than 16 letters, without showing them.
std::vector<Key> parse_keys(std::string_view text, std::string_view source);

struct AccessOptions {
  std::vector<Key> keys;
  /// Names of this machine for the Host header, beside "localhost", its own and addresses.
  std::vector<std::string> host_names;
  /// Other pages that may ask, "https://example.org"; those of this server always may.
  std::vector<std::string> origins;
};

class Access {
 public:
  explicit Access(AccessOptions options);

  /// Throws 401, and tells the request whose key it came with.
  void check_key(HttpRequest& request) const;
  /// Throws 403: for a page of another origin that changes something (CSRF), and, where no key
  /// protects, for a name that is not this machine's (a page whose name was made to point here).
  void check_browser(const HttpRequest& request) const;
  /// The headers by which a page of an allowed origin may read the answer.
  void allow_origin(const HttpRequest& request, HttpResponse& response) const;

 private:
  bool is_allowed(std::string_view origin) const;
  AccessOptions options_;
};

/// Whether only this machine can reach the address: "localhost", "127.…", "::1".
bool is_loopback(std::string_view host);

}  // namespace drypoint::server

// HTTP as handlers see it, whoever speaks it: a request with its body, a response, and a server
// that calls one for the other, each connection in a thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drypoint::server {

/// A field of multipart/form-data.
struct FormPart {
  std::string name, file, data;
};

struct HttpRequest {
  std::string method, path;                      ///< without the query
  std::map<std::string, std::string> query;      ///< decoded
  std::map<std::string, std::string> headers;    ///< names in lower case
  std::map<std::string, std::string> from_path;  ///< what stands for "{id}" of a route
  std::string body;
  std::vector<FormPart> form;  ///< instead of `body`, where it is such
  std::string address;         ///< of the client, without its port
  std::string client;          ///< whose it is: which key, else the address
  int socket = -1;

  std::string_view header(const std::string& name) const;  ///< empty where there is none
  size_t content_length() const;  ///< as the header says; 0 where it says nothing
  /// Whether the client has closed its end, and waits for no answer.
  bool is_gone() const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// A stream instead of `body`: puts what comes next into the text, waiting for it as long as it
  /// takes, but some seconds at most; false ends it. Destroyed when the client is gone.
  std::function<bool(std::string&)> next = {};
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 7860;  ///< 0: any that is free
  int connections = 512;
  size_t body_bytes = 32 << 20;             ///< of one request
  size_t all_body_bytes = size_t{1} << 30;  ///< of all requests that are being read or answered
  /// Within which a request must have come, whole; and how long a connection may say nothing.
  std::chrono::seconds read_time{120}, idle_time{30};
  std::string certificate, private_key;  ///< PEM texts; both or neither
};

/// What a server asks for an answer; from many threads at once, and must not throw.
struct HttpHandler {
  /// Before the body is read; a response refuses the request.
  std::function<std::optional<HttpResponse>(HttpRequest&)> admit;
  std::function<HttpResponse(HttpRequest&)> answer;
  /// For a body that is larger than allowed (413) or no form (400), or that came when too many
  /// others did (503).
  std::function<HttpResponse(HttpRequest&, int status)> refuse_body;
  /// When a response has been sent, or could not be.
  std::function<void(const HttpRequest&, int status, std::chrono::nanoseconds)> done;
};

class HttpServer {
 public:
  /// Listens. Throws bad_argument, with the address and why it cannot be had.
  HttpServer(const HttpOptions& options, HttpHandler handler);
  ~HttpServer();  // closes all connections; handlers that wait must have been told
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  /// Takes no more connections; those that there are go on.
  void stop_listening();
  int connections() const;
  /// Requests that came and are not yet answered to the end.
  int open_requests() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint::server

#include "server/http.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "drypoint/error.h"
#include "server/lower_case.h"

namespace drypoint::server {
namespace {

using Clock = std::chrono::steady_clock;

MHD_Result keep_header(void* headers, MHD_ValueKind, const char* name, const char* value) {
  (*static_cast<std::map<std::string, std::string>*>(headers))[in_lower_case(name)] =
      value ? value : "";
  return MHD_YES;
}

MHD_Result keep_argument(void* query, MHD_ValueKind, const char* name, const char* value) {
  (*static_cast<std::map<std::string, std::string>*>(query))[name] = value ? value : "";
  return MHD_YES;
}

MHD_Result keep_part(void* form, MHD_ValueKind, const char* name, const char* file, const char*,
                     const char*, const char* data, uint64_t offset, size_t size) {
  auto& parts = *static_cast<std::vector<FormPart>*>(form);
  if (offset == 0) {
    if (parts.size() == 64) return MHD_NO;
    parts.push_back({name ? name : "", file ? file : "", ""});
  }
  if (!parts.empty()) parts.back().data.append(data, size);
  return MHD_YES;
}

std::string address_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  char text[INET6_ADDRSTRLEN] = "";
  if (info && info->client_addr->sa_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(info->client_addr)->sin_addr, text,
                sizeof(text));
  if (info && info->client_addr->sa_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(info->client_addr)->sin6_addr,
                text, sizeof(text));
  return text;
}

int socket_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

}  // namespace

std::string_view HttpRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

size_t HttpRequest::content_length() const {
  return std::strtoull(std::string(header("content-length")).c_str(), nullptr, 10);
}

bool HttpRequest::is_gone() const {
  pollfd end{socket, POLLRDHUP, 0};
  return ::poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

struct HttpServer::Implementation {
  Implementation(const HttpOptions& own_options, HttpHandler own_handler)
      : options(own_options), handler(std::move(own_handler)) {}

  /// A connection, for the thread that ends those that are too slow.
  struct Link {
    int socket = -1;
    Clock::time_point reading_since = Clock::now();
    bool reading = true;
  };
  /// A request and its answer.
  struct Exchange {
    explicit Exchange(Implementation& own_server) : server(own_server) { ++server.requests; }
    ~Exchange() {
      if (form) MHD_destroy_post_processor(form);
      server.bytes -= counted;
      --server.requests;
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    Implementation& server;
    HttpRequest request;
    MHD_PostProcessor* form = nullptr;
    Clock::time_point begun = Clock::now();
    size_t counted = 0;  // of its body, in the server's sum
    int refused = 0;     // with this status, when the body has passed
    int status = 0;
  };

  const HttpOptions options;
  const HttpHandler handler;
  std::mutex mutex;  // for links and what they hold
  std::map<MHD_Connection*, Link> links;
  std::condition_variable ending;
  bool ended = false;
  std::thread watch;
  std::atomic<size_t> bytes = 0;
  std::atomic<int> requests = 0;
  MHD_Daemon* daemon = nullptr;
  int listening = -1;

  void note(MHD_Connection* connection, bool reading) {
    const std::lock_guard lock(mutex);
    const auto found = links.find(connection);
    if (found != links.end())
      found->second.reading = reading, found->second.reading_since = Clock::now();
  }
  void end_slow_ones();
  MHD_Result send(MHD_Connection* connection, Exchange& exchange, HttpResponse response);
  MHD_Result serve(MHD_Connection* connection, const char* path, const char* method,
                   const char* data, size_t* size, void** state);

  static void on_connection(void* self, MHD_Connection* connection, void** own,
                            MHD_ConnectionNotificationCode code);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* data,
                               size_t* size, void** state);
  static void on_completed(void* self, MHD_Connection* connection, void** state,
                           MHD_RequestTerminationCode code);
};

namespace {

struct Stream {
  std::function<bool(std::string&)> next;
  std::string text;
  size_t sent = 0;
};

ssize_t read_stream(void* state, uint64_t, char* buffer, size_t most) {
  auto& stream = *static_cast<Stream*>(state);
  while (stream.sent == stream.text.size()) {
    stream.text.clear();
    stream.sent = 0;
    try {
      if (!stream.next(stream.text)) return MHD_CONTENT_READER_END_OF_STREAM;
    } catch (...) {
      return MHD_CONTENT_READER_END_WITH_ERROR;
    }
  }
  const size_t count = std::min(most, stream.text.size() - stream.sent);
  std::copy_n(stream.text.data() + stream.sent, count, buffer);
  stream.sent += count;
  return static_cast<ssize_t>(count);
}

void free_stream(void* state) { delete static_cast<Stream*>(state); }
void free_text(void* text) { delete static_cast<std::string*>(text); }

MHD_Response* made(HttpResponse& response) {
  if (response.next)
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, read_stream,
                                             new Stream{std::move(response.next), {}, 0},
                                             free_stream);
  auto* text = new std::string(std::move(response.body));
  return MHD_create_response_from_buffer_with_free_callback_cls(text->size(), text->data(),
                                                                free_text, text);
}

}  // namespace

MHD_Result HttpServer::Implementation::send(MHD_Connection* connection, Exchange& exchange,
                                            HttpResponse response) {
  exchange.status = response.status;
  MHD_Response* out = made(response);
  if (!out) return MHD_NO;
  MHD_add_response_header(out, "Content-Type", response.type.c_str());
  for (const auto& [name, value] : response.headers)
    MHD_add_response_header(out, name.c_str(), value.c_str());
  // Idle time counts from now on.
  MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                            static_cast<unsigned>(options.idle_time.count()));
  const MHD_Result sent =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return sent;
}

MHD_Result HttpServer::Implementation::serve(MHD_Connection* connection, const char* path,
                                             const char* method, const char* data, size_t* size,
                                             void** state) {
  if (!*state) {
    auto* exchange = new Exchange(*this);
    *state = exchange;
    HttpRequest& request = exchange->request;
    request.method = method;
    request.path = path;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, keep_header, &request.headers);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_argument, &request.query);
    request.address = request.client = address_of(connection);
    request.socket = socket_of(connection);
    if (auto refusal = handler.admit(request))
      return send(connection, *exchange, std::move(*refusal));
    constexpr size_t usual = 1 << 20;
    if (!request.header("content-type").starts_with("multipart/form-data"))
      request.body.reserve(std::min(usual, request.content_length()));
    else
      exchange->form = MHD_create_post_processor(connection, 64 << 10, keep_part, &request.form);
    return MHD_YES;
  }
  auto& exchange = *static_cast<Exchange*>(*state);
  if (*size > 0) {
    const bool too_large = exchange.counted + *size > options.body_bytes;
    const bool too_many = bytes + *size > options.all_body_bytes;
    if ((too_large || too_many) && exchange.refused == 0) {
      exchange.refused = too_large ? 413 : 503;
      exchange.request.body = {};
      exchange.request.form = {};
    }
    if (exchange.refused == 0 && exchange.form) {
      if (MHD_post_process(exchange.form, data, *size) != MHD_YES) exchange.refused = 400;
    } else if (exchange.refused == 0) {
      exchange.request.body.append(data, *size);
    }
    exchange.counted += *size;  // also what is thrown away, which must end some time
    bytes += *size;
    if (exchange.counted > 4 * options.body_bytes) return MHD_NO;
    *size = 0;
    return MHD_YES;
  }
  if (exchange.form) {  // what it still holds
    if (MHD_destroy_post_processor(exchange.form) != MHD_YES && exchange.refused == 0)
      exchange.refused = 400;
    exchange.form = nullptr;
  }
  note(connection, /*reading=*/false);
  MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
  return send(connection, exchange,
              exchange.refused != 0 ? handler.refuse_body(exchange.request, exchange.refused)
                                    : handler.answer(exchange.request));
}

MHD_Result HttpServer::Implementation::on_request(void* self, MHD_Connection* connection,
                                                  const char* path, const char* method, const char*,
                                                  const char* data, size_t* size, void** state) {
  try {
    return static_cast<Implementation*>(self)->serve(connection, path, method, data, size, state);
  } catch (...) {  // no memory
    return MHD_NO;
  }
}

void HttpServer::Implementation::on_completed(void* self, MHD_Connection* connection, void** state,
                                              MHD_RequestTerminationCode) {
  auto& server = *static_cast<Implementation*>(self);
  const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*state));
  *state = nullptr;
  if (!exchange) return;
  server.handler.done(exchange->request, exchange->status, Clock::now() - exchange->begun);
  server.note(connection, /*reading=*/true);
}

void HttpServer::Implementation::on_connection(void* self, MHD_Connection* connection, void**,
                                               MHD_ConnectionNotificationCode code) {
  auto& server = *static_cast<Implementation*>(self);
  const std::lock_guard lock(server.mutex);
  if (code == MHD_CONNECTION_NOTIFY_STARTED)
    server.links[connection].socket = socket_of(connection);
  else
    server.links.erase(connection);  // before its socket is closed
}

/// A client that sends a letter now and then is never idle.
void HttpServer::Implementation::end_slow_ones() {
  std::unique_lock lock(mutex);
  while (!ending.wait_for(lock, std::chrono::seconds(1), [this] { return ended; }))
    for (const auto& [connection, link] : links)
      if (link.reading && Clock::now() - link.reading_since > options.read_time)
        ::shutdown(link.socket, SHUT_RDWR);
}

namespace {

[[noreturn]] void cannot_listen(const HttpOptions& options, std::string_view why) {
  throw Error(ErrorKind::bad_argument,
              fmt::format("host: {} port {}: {}, expected an address of this machine and a port "
                          "that is free",
                          options.host, options.port, why));
}

/// A socket that listens at the address.
int listening_socket(const HttpOptions& options) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  const std::string port = std::to_string(options.port);
  if (const int error = ::getaddrinfo(options.host.c_str(), port.c_str(), &hints, &found))
    cannot_listen(options, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (socket >= 0) ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (socket < 0 || ::bind(socket, found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket, 511) != 0) {
    const int error = errno;
    if (socket >= 0) ::close(socket);
    cannot_listen(options, std::generic_category().message(error));
  }
  return socket;
}

}  // namespace

HttpServer::HttpServer(const HttpOptions& options, HttpHandler handler)
    : implementation_(std::make_unique<Implementation>(options, std::move(handler))) {
  Implementation& all = *implementation_;
  all.listening = listening_socket(options);
  std::vector<MHD_OptionItem> items{
      {MHD_OPTION_LISTEN_SOCKET, all.listening, nullptr},
      {MHD_OPTION_CONNECTION_LIMIT, options.connections, nullptr},
      {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (options.connections + 1) / 2, nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, options.idle_time.count(), nullptr},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, 64 << 10, nullptr},
      {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
      {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&Implementation::on_completed),
       &all},
      {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<intptr_t>(&Implementation::on_connection),
       &all}};
  unsigned flags =
      MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
  if (!options.certificate.empty()) {
    flags |= MHD_USE_TLS;
    items.push_back(
        {MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(all.options.certificate.c_str())});
    items.push_back(
        {MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(all.options.private_key.c_str())});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  all.watch = std::thread([&all] { all.end_slow_ones(); });
  all.daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &Implementation::on_request, &all,
                                MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
  if (!all.daemon) {
    ::close(all.listening);
    {
      const std::lock_guard lock(all.mutex);
      all.ended = true;
    }
    all.ending.notify_all();
    all.watch.join();
    cannot_listen(options, options.certificate.empty()
                               ? "the HTTP library refuses"
                               : "the TLS library refuses the certificate or its key");
  }
}

HttpServer::~HttpServer() {
  Implementation& all = *implementation_;
  MHD_stop_daemon(all.daemon);
  {
    const std::lock_guard lock(all.mutex);
    all.ended = true;
  }
  all.ending.notify_all();
  all.watch.join();
}

int HttpServer::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(implementation_->listening, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

void HttpServer::stop_listening() {
  const int socket = MHD_quiesce_daemon(implementation_->daemon);
  if (socket >= 0) ::close(socket);
}

int HttpServer::connections() const {
  const MHD_DaemonInfo* info =
      MHD_get_daemon_info(implementation_->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return info ? static_cast<int>(info->num_connections) : 0;
}

int HttpServer::open_requests() const { return implementation_->requests; }

}  // namespace drypoint::server

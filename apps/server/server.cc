#include "server/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "server/auth.h"
#include "server/context.h"

namespace drypoint::server {
namespace {

/// A small file whole: keys, certificates.
std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(size_t{1} << 20, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (!file.is_open() || file.bad() || text.empty())
    throw Error(ErrorKind::bad_file, fmt::format("{}: cannot be read, or is empty", path.string()));
  return text;
}

AccessOptions access_options(const ServerOptions& options) {
  AccessOptions access{.host_names = options.host_names, .origins = options.origins};
  if (options.keys) access.keys = parse_keys(contents(*options.keys), options.keys->string());
  if (const char* keys = std::getenv("DRYPOINT_API_KEYS"))
    for (Key& key : parse_keys(keys, "DRYPOINT_API_KEYS")) access.keys.push_back(std::move(key));
  if (access.keys.empty() && !options.insecure && !is_loopback(options.host))
    throw Error(ErrorKind::bad_argument,
                fmt::format("host: {} can be reached by others, expected keys (--keys FILE or "
                            "DRYPOINT_API_KEYS), or --insecure",
                            options.host));
  return access;
}

HttpOptions http_options(const ServerOptions& options) {
  if (options.certificate.has_value() != options.private_key.has_value())
    throw Error(ErrorKind::bad_argument,
                "certificate and private key: found one, expected both or none");
  HttpOptions http{.host = options.host,
                   .port = options.port,
                   .body_bytes = static_cast<size_t>(options.body_megabytes) << 20};
  if (options.certificate) http.certificate = contents(*options.certificate);
  if (options.private_key) http.private_key = contents(*options.private_key);
  return http;
}

Limits limits_of(const ServerOptions& options) {
  return {.waiting = static_cast<size_t>(options.queue),
          .of_client = static_cast<size_t>(options.client_queue),
          .pixels = options.most_pixels,
          .steps = options.most_steps,
          .pictures = options.most_pictures,
          .time = std::chrono::seconds(options.most_seconds),
          .preview_every = options.preview_every};
}

std::unique_ptr<Catalog> catalog_of(const ServerOptions& options) {
  auto catalog =
      options.models ? std::make_unique<Catalog>(*options.models) : std::make_unique<Catalog>();
  if (options.files.loras) catalog->set_folder(FileKind::lora, *options.files.loras);
  if (options.files.embeddings) catalog->set_folder(FileKind::embedding, *options.files.embeddings);
  return catalog;
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

struct Server::Implementation {
  Implementation(const ServerOptions& own_options, std::function<void(const std::string&)> own_tell)
      : options(own_options),
        tell(std::move(own_tell)),
        access(access_options(options)),
        catalog(catalog_of(options)),
        journal(options.journal ? std::make_unique<Journal>(*options.journal) : nullptr),
        engines({.files = options.files,
                 .device = options.device,
                 .queue = {.pipelines = options.pipelines, .together = options.together},
                 .most_loaded = static_cast<size_t>(std::max(1, options.loaded)),
                 .most_bytes = static_cast<size_t>(options.model_megabytes) << 20},
                *catalog),
        desk(limits_of(options), *catalog, metrics, journal.get()) {
    desk.call_at_progress(options.at_progress);
    desk.tell_ends_to([this](const Task& task) {
      engines.make_room();
      if (journal && !is_left(task)) journal->remove(task.id);
    });
    const Context context{desk, engines, *catalog, metrics, journal.get()};
    add_page(routes);
    add_health(routes, context);
    add_jobs(routes, context);
    add_studio(routes, context);
    add_sdapi(routes, context);
    add_controlnet(routes, context);
    add_openai(routes, context);
    add_openapi(routes);
    http = std::make_unique<HttpServer>(
        http_options(options),
        HttpHandler{
            [this](HttpRequest& request) { return admit(request); },
            [this](HttpRequest& request) { return answer(request); },
            [this](HttpRequest& request, int status) { return refuse_body(request, status); },
            [this](const HttpRequest& request, int status, std::chrono::nanoseconds time) {
              done(request, status, time);
            }});
    show_gauges();
    if (const size_t lost = journal ? accept_again(context) : 0)
      tell(fmt::format("note: jobs of the journal that could not be taken up again: {}", lost));
  }
  ~Implementation() {
    desk.drain();
    engines.stop();
    http.reset();
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  /// Those that were given up because the server ends are taken up again, and so are those with
  /// which the device was lost, unless they may be why.
  bool is_left(const Task& task) const {
    constexpr int most_losses = 3;
    if (task.api != "jobs") return false;  // its client has been told
    if (task.has_lost_device()) return journal->count_loss(task.id) < most_losses;
    return desk.is_draining() && task.status().state == JobState::cancelled;
  }

  void show_gauges() {
    metrics.show("drypoint_pictures_in_work", "Pictures in line or being drawn.",
                 [this] { return static_cast<double>(desk.pictures_in_work()); });
    metrics.show("drypoint_models_loaded", "Models in memory.",
                 [this] { return static_cast<double>(engines.loaded().size()); });
    metrics.show("drypoint_weight_bytes", "Of the models' weights on the device.", [this] {
      double bytes = 0;
      for (const auto& engine : engines.loaded())
        bytes += static_cast<double>(engine->model.weight_bytes());
      return bytes;
    });
    metrics.show("drypoint_device_available_bytes", "What can still be allocated on the device.",
                 [this] { return static_cast<double>(engines.device().available_memory()); });
    metrics.show("drypoint_resident_bytes", "Of this process in memory.", resident_bytes);
    metrics.show("drypoint_connections", "Open connections.",
                 [this] { return http ? static_cast<double>(http->connections()) : 0; });
  }

  /// Turns what is thrown into an answer, and adds what all answers have.
  template <class Body>
  HttpResponse guarded(const HttpRequest& request, ErrorStyle style, Body&& body) {
    HttpResponse response;
    try {
      response = body();
    } catch (const std::exception& error) {
      response = error_response(style, refusal_of(error, style));
    }
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    access.allow_origin(request, response);
    return response;
  }

  std::optional<HttpResponse> admit(HttpRequest& request) {
    bool refused = true;
    HttpResponse response = guarded(request, style_of(request.path), [&]() -> HttpResponse {
      access.check_browser(request);
      if (request.method == "OPTIONS") return {.status = 204};
      bool other_method = false;
      const Route* route = routes.find(request, other_method);
      if (!route) {
        if (!other_method) refuse(404, "Not Found");
        refuse(405, "Method Not Allowed");
      }
      if (route->needs_key) access.check_key(request);
      if (request.content_length() > most_bytes()) return refuse_body(request, 413);
      refused = false;
      return {};
    });
    if (!refused) return std::nullopt;
    return response;
  }

  size_t most_bytes() const { return static_cast<size_t>(options.body_megabytes) << 20; }

  HttpResponse answer(HttpRequest& request) {
    bool other_method = false;
    const Route* route = routes.find(request, other_method);
    return guarded(request, route->style, [&] { return route->answer(request); });
  }

  HttpResponse refuse_body(HttpRequest& request, int status) {
    return guarded(request, style_of(request.path), [&]() -> HttpResponse {
      metrics.add(Metric::refused, "limit=\"body\"");
      if (status == 413) refuse(413, "body: has over {} MiB", options.body_megabytes);
      if (status == 400) refuse(400, "body: is no multipart/form-data");
      Refusal refusal(503, "body: too many are being read");
      refusal.retry_after = 5;
      throw refusal;
    });
  }

  /// Paths of routes, not what stands for "{id}": there are as many series as endpoints.
  void done(const HttpRequest& request, int status, std::chrono::nanoseconds time) {
    HttpRequest scratch{.method = request.method, .path = request.path};
    bool other_method = false;
    const Route* route = routes.find(scratch, other_method);
    const std::string path = route ? route->path : "other";
    metrics.add(Metric::requests, fmt::format("path=\"{}\",status=\"{}\"", path, status));
    metrics.observe(Metric::request_seconds, fmt::format("path=\"{}\"", path),
                    std::chrono::duration<double>(time).count());
    if (options.log)
      tell(fmt::format("{} {} {} {} {:.1f} ms", request.client, request.method, path, status,
                       std::chrono::duration<double, std::milli>(time).count()));
  }

  const ServerOptions options;
  const std::function<void(const std::string&)> tell;
  const Access access;
  const std::unique_ptr<Catalog> catalog;
  Metrics metrics;
  std::unique_ptr<Journal> journal;
  Engines engines;
  Desk desk;  // ends before the engines, which have been stopped then
  Routes routes;
  std::unique_ptr<HttpServer> http;
};

Server::Server(const ServerOptions& options, std::function<void(const std::string&)> tell)
    : implementation_(std::make_unique<Implementation>(options, std::move(tell))) {}
Server::~Server() = default;

std::string Server::url() const {
  const ServerOptions& options = implementation_->options;
  const bool is_v6 = options.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", options.certificate ? "https" : "http", is_v6 ? "[" : "",
                     options.host, is_v6 ? "]" : "", implementation_->http->port());
}

std::string Server::device() const { return implementation_->engines.device().name(); }

bool Server::has_lost_device() const { return implementation_->desk.has_lost_device(); }

size_t Server::drain(const std::function<bool()>& hurry) {
  Implementation& all = *implementation_;
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::seconds(all.options.drain_seconds);
  all.desk.drain();
  bool idle = false;
  while (!(idle = all.desk.wait_until_idle(std::chrono::milliseconds(100))) &&
         Clock::now() < until && !hurry()) {
  }
  const size_t given_up = idle ? 0 : all.desk.pictures_in_work();
  all.desk.cancel_all();
  all.desk.wait_until_idle(std::chrono::seconds(30));
  all.http->stop_listening();
  // Answers are on their way; streams end by themselves.
  for (int i = 0; i < 20 && all.http->open_requests() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return given_up;
}

}  // namespace drypoint::server

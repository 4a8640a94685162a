// `drypoint serve`: one process that draws for others by HTTP.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drypoint/device.h"
#include "drypoint/pipeline.h"

namespace drypoint::server {

struct ServerOptions {
  ModelFiles files;  ///< of the model that is there from the start
  DeviceOptions device;
  std::optional<std::filesystem::path> models;  ///< a folder of others
  int loaded = 2;                               ///< models in memory at once
  int model_megabytes = 0;                      ///< of their weights on the device; 0: any
  int pipelines = 1, together = 0;              ///< see QueueOptions

  std::string host = "127.0.0.1";
  int port = 7860;  ///< 0: any that is free
  /// A file of keys, one a line, and the environment's (DRYPOINT_API_KEYS); see auth.h.
  std::optional<std::filesystem::path> keys;
  bool insecure = false;  ///< no keys needed at addresses that others can reach
  std::vector<std::string> origins, host_names;
  std::optional<std::filesystem::path> certificate, private_key;  ///< PEM; both: HTTPS

  /// A file in which accepted jobs (of /api/v1/jobs) wait as well, until they have ended.
  std::optional<std::filesystem::path> journal;

  int queue = 64, client_queue = 0;  ///< pictures in line, of all and of one client (0: as all)
  int most_pixels = 1024 * 1024, most_steps = 150, most_pictures = 16;
  int most_seconds = 0;   ///< of a picture; 0: any
  int preview_every = 2;  ///< steps; 0: there are no previews
  int body_megabytes = 32;
  int drain_seconds = 30;  ///< how long jobs that were accepted may take when the server ends
  bool log = false;        ///< tell of each request
  /// For tests, see `Desk::call_at_progress`.
  std::function<void(const Progress&)> at_progress = {};
};

/// Takes requests from its construction on.
class Server {
 public:
  /// Loads the model and listens. Throws what `Device` and `Model` throw, and bad_argument for an
  /// address that others can reach without keys.
  Server(const ServerOptions& options, std::function<void(const std::string&)> tell);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "http://127.0.0.1:7860"
  std::string url() const;
  std::string device() const;

  /// A picture failed with the device. Nothing is accepted any more; the process should `drain` in
  /// a hurry, then begin anew. What the journal holds is taken up again.
  bool has_lost_device() const;

  /// Takes no more jobs, waits for those there are (until `drain_seconds` are over or `hurry` says
  /// true), gives up the rest, and answers all who wait. -> how many were given up
  size_t drain(const std::function<bool()>& hurry);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint::server

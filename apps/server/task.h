// An order that was accepted, and how far it is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/engines.h"
#include "server/json.h"

namespace drypoint::server {

/// What a client asks for: requests that are drawn each by itself.
struct Order {
  std::string api;     ///< "jobs", "sdapi", "openai"
  std::string client;  ///< see HttpRequest
  std::string id;      ///< the client's own; empty: a random one
  std::shared_ptr<Engine> engine;
  std::vector<Request> requests;
};

/// How far an order is.
struct Status {
  JobState state = JobState::waiting;
  size_t place = 0;  ///< in its model's line, 1 is the next; 0 once its turn has come
  Stage stage = Stage::prepare;
  int step = 0, steps = 0;     ///< of the picture at hand
  size_t done = 0, ended = 0;  ///< pictures
  double share = 0;            ///< of the work, 0 to 1
};

/// An order that was accepted. For any number of threads.
class Task {
 public:
  using Clock = std::chrono::steady_clock;

  const std::string id, api, client, model;
  const std::chrono::system_clock::time_point created = std::chrono::system_clock::now();
  const Clock::time_point submitted = Clock::now();
  const Json settings;  ///< of its first picture, as fields of a request, with its seed

  const size_t pictures;

  Status status() const;
  bool has_ended() const;
  void cancel();
  /// Gives up the first of its pictures that has not ended.
  void skip();
  /// Waits until something has changed since `seen`, which then counts on, or the time is over.
  void wait_for_change(uint64_t& seen, std::chrono::milliseconds time) const;
  bool wait_for_end(std::chrono::milliseconds time) const;
  /// Of those that were drawn, in their order.
  std::vector<Result> results() const;
  /// Throws what ended one of its pictures, if anything did: failures before cancelling.
  void check() const;
  /// Seconds since the first picture's turn came; 0 before.
  double drawing_seconds() const;
  /// What the picture at hand looked like last, an eighth of its sides; null where there is none.
  std::shared_ptr<const Image> preview() const;
  /// How many there have been.
  size_t previews() const;
  /// Whether a picture failed with the device.
  bool has_lost_device() const;

 private:
  friend class Desk;
  explicit Task(const Order& order);

  std::shared_ptr<Engine> engine_;  // until it has ended
  std::vector<Job> jobs_;           // complete before anybody finds the task
  mutable std::mutex mutex_;        // for all that follows
  mutable std::condition_variable change_;
  uint64_t changes_ = 0;
  size_t ended_ = 0;
  std::vector<std::optional<Clock::time_point>> begun_;
  std::shared_ptr<const Image> preview_;
  size_t previews_ = 0;
  bool is_late_ = false;
  std::optional<Clock::time_point> ended_at_;
  size_t bytes_ = 0;
  bool is_handed_over_ = false;  // to the desk's keeper; under the desk's mutex
};

double seconds_between(Task::Clock::time_point a, Task::Clock::time_point b);

}  // namespace drypoint::server

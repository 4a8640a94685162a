// Takes orders within limits, knows how far each is, and keeps what came of it for a while.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/engines.h"
#include "server/http.h"
#include "server/journal.h"
#include "server/json.h"
#include "server/metrics.h"

namespace drypoint::server {

struct Limits {
  size_t waiting = 64;            ///< pictures in line and being drawn, of all clients
  size_t of_client = 0;           ///< of one of them; 0: as many as of all
  int64_t pixels = 1024 * 1024;   ///< of a picture
  int steps = 150;                ///< of a picture
  int pictures = 16;              ///< of an order
  std::chrono::seconds time{0};   ///< of a picture, from its turn on; 0: none
  int preview_every = 2;          ///< steps; 0: there are no previews
  size_t kept = 200;              ///< ended orders, with their pictures
  size_t kept_bytes = 256 << 20;  ///< of those pictures
  std::chrono::seconds kept_time{3600};
};

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

class Desk {
 public:
  /// With a journal, orders are in it from their acceptance on; who is told of their ends removes
  /// them.
  Desk(const Limits& limits, const Catalog& catalog, Metrics& metrics, Journal* journal = nullptr);
  ~Desk();
  /// Called for each task that has ended, by a thread of the desk. Before the first is accepted.
  void tell_ends_to(std::function<void(const Task&)> listener) { listener_ = std::move(listener); }
  /// For tests: called with the progress of each picture. What it throws ends the picture, as what
  /// the engine throws does. Before the first is accepted.
  void call_at_progress(std::function<void(const Progress&)> fault) { fault_ = std::move(fault); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  const Limits& limits() const { return limits_; }

  /// Throws 422 for a prompt that calls what is not in the catalog, 413 for what is beyond the
  /// limits of a picture, 429 where a client has too much in line, 503 where all have, or while
  /// draining, 409 for an id that is taken, and write_failed where the journal cannot be written.
  std::shared_ptr<Task> accept(Order order);
  /// Waits for the end, cancels it when its client goes, and throws what ended it (503 for one that
  /// took too long, 499 if nobody is left to be told).
  void finish(const std::shared_ptr<Task>& task, const HttpRequest& request);

  /// Null if it is not, or no longer, here.
  std::shared_ptr<Task> find(const std::string& id) const;
  /// All that are here, the newest first.
  std::vector<std::shared_ptr<Task>> tasks() const;
  size_t pictures_in_work() const;

  /// Accepts nothing any more.
  void drain();
  bool is_draining() const;
  /// A picture failed with the device; nothing is accepted any more, as on a GPU nothing works in
  /// this process after that.
  bool has_lost_device() const;
  /// Waits until all is done. -> whether it is, after that time
  bool wait_until_idle(std::chrono::milliseconds time) const;
  void cancel_all();

 private:
  void check_limits(const Order& order) const;
  void reserve(const Order& order);
  void release(const Task& task, size_t pictures);
  Callbacks callbacks_of(const std::shared_ptr<Task>& task, size_t number) const;
  void note_end(const std::shared_ptr<Task>& task);
  void hand_to_keeper_locked(const std::shared_ptr<Task>& task);
  void keep();
  void record(Task& task);
  void forget_old_ones_locked();

  const Limits limits_;
  const Catalog& catalog_;
  std::function<void(const Task&)> listener_;
  std::function<void(const Progress&)> fault_;
  Metrics& metrics_;
  Journal* journal_;
  mutable std::mutex mutex_;  // for all that follows
  mutable std::condition_variable idle_;
  std::condition_variable some_ended_;
  std::map<std::string, std::shared_ptr<Task>> tasks_;  // null while its jobs are being made
  std::deque<std::shared_ptr<Task>> in_order_, just_ended_;
  size_t in_work_ = 0;                        // pictures
  std::map<std::string, size_t> of_clients_;  // of these
  bool draining_ = false, ending_ = false, device_is_lost_ = false;
  std::thread keeper_;  // engines that end must not do so in a thread of their own queue
};

}  // namespace drypoint::server

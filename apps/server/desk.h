// Takes orders within limits, knows how far each is, and keeps what came of it for a while.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/http.h"
#include "server/journal.h"
#include "server/metrics.h"
#include "server/task.h"

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

  /// Does at once what an answer needs, which is given a way to ask whether to stop: throws 499
  /// where the client has gone, 503 after the time of a picture.
  void answer_at_once(const HttpRequest& request,
                      const std::function<void(const std::function<bool()>&)>& work) const;

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

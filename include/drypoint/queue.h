// Requests of many threads, drawn in their order, those of equal shape together.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "drypoint/pipeline.h"

namespace drypoint {

enum class JobState : uint8_t { waiting, drawing, done, failed, cancelled };
/// "waiting", "drawing", "done", "failed", "cancelled".
std::string_view name(JobState state);

struct JobRecord;  // the library's own

/// A request on its way through a queue. A copy is the same job. For any number of threads; it may
/// outlive its queue.
class Job {
 public:
  JobState state() const;
  /// Its place in line: 1 is the next to be drawn; 0 once its turn has come.
  size_t place() const;
  /// Of the stage that it is in.
  Progress progress() const;
  /// How many were drawn as one batch, this one included; 0 until it is done.
  size_t together() const;

  /// Gives it up: at once where it waits, soon where it is being drawn. One that has ended stays
  /// as it is.
  void cancel();

  void wait() const;
  /// Whether it has ended by then.
  bool wait_for(std::chrono::milliseconds time) const;
  /// Waits, then returns what `Pipeline::generate` would return for it, or throws what that would
  /// throw; cancelled if it was given up or its queue has ended.
  Result result() const;

 private:
  friend class Queue;
  explicit Job(std::shared_ptr<JobRecord> record) : record_(std::move(record)) {}
  std::shared_ptr<JobRecord> record_;
};

struct QueueOptions {
  /// That draw side by side, 1 to 16, each with memory for its pictures. On a GPU they take turns,
  /// so that one does as well.
  int pipelines = 1;
  /// Requests drawn together at most, 1 to 64; 0: as many as the device has a use for.
  int together = 0;
};

/// Draws in its own threads what any thread gives it. Owners take turns, a job each; of one owner
/// it is first come, first served; but whoever is drawn takes along those behind that have its
/// shape (one sample each; equal in size, steps, sampler, guess mode, strength and all else but
/// prompts, guidance, seed, noise and picture), so nobody waits for more runs than there were jobs
/// ahead. Prompts with schedules or AND, or of other lengths, are drawn one after the other all the
/// same. A result is the same to the byte as if it were drawn alone, and what becomes of a job does
/// no harm to others.
class Queue {
 public:
  /// Throws bad_argument, out_of_memory.
  explicit Queue(const Model& model, const QueueOptions& options = {});
  /// Stops.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// Takes its place in line: behind those of its owner, and behind as many of each other one; what
  /// is wrong with the request is told by the job.
  /// The callbacks are called from a thread of the queue, and no longer once the job has ended;
  /// what they throw ends this job. They may use the queue and its jobs, but not wait for this one,
  /// nor end the queue. `on_end` is called once, when the job has ended, from the thread that ended
  /// it; it must not throw. Throws cancelled once the queue has stopped.
  Job push(Request request, Callbacks callbacks = {}, std::function<void()> on_end = {},
           const std::string& owner = {});

  /// Jobs in line.
  size_t waiting() const;

  /// Takes no more jobs, and ends all there are as cancelled. Returns when all threads are done;
  /// from a callback at once.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace drypoint

#include "drypoint/queue.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "diffusion/model/model.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/request/shape_key.h"

namespace drypoint {

/// What a queue and its jobs have in common.
struct JobLine {
  std::mutex mutex;  // for all of this, and for what changes in its jobs
  std::condition_variable arrived, ended;
  std::deque<std::shared_ptr<JobRecord>> jobs;
  bool stopping = false;
};

namespace {

std::exception_ptr cancelled(const char* why) {
  return std::make_exception_ptr(Error(ErrorKind::cancelled, why));
}

JobState state_after(const std::exception_ptr& failure) {
  if (!failure) return JobState::done;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::cancelled ? JobState::cancelled : JobState::failed;
  } catch (...) {
    return JobState::failed;
  }
}

}  // namespace

struct JobRecord {
  JobRecord(std::shared_ptr<JobLine> own_line, Request own_request, Callbacks own_callbacks,
            std::function<void()> own_on_end, std::string own_owner)
      : line(std::move(own_line)),
        request(std::move(own_request)),
        callbacks(std::move(own_callbacks)),
        on_end(std::move(own_on_end)),
        owner(std::move(own_owner)),
        key(shape_key(request)) {}

  const std::shared_ptr<JobLine> line;
  const Request request;
  const Callbacks callbacks;
  const std::function<void()> on_end;
  const std::string owner;
  const std::optional<std::string> key;
  std::atomic<bool> given_up = false, has_ended = false;
  JobState state = JobState::waiting;
  Progress progress;
  uint64_t round = 0;  // in each an owner has one turn
  Outcome outcome;

  /// Only the first of several ends counts.
  void end(Outcome how) {
    {
      const std::lock_guard lock(line->mutex);
      if (!end_locked(std::move(how))) return;
    }
    tell_end();
  }
  /// -> whether it was the first, of which `tell_end` is to tell once the lock is gone.
  bool end_locked(Outcome how) {
    if (has_ended) return false;
    state = state_after(how.failure);
    outcome = std::move(how);
    has_ended = true;
    line->ended.notify_all();
    return true;
  }
  void tell_end() const noexcept {
    if (on_end) on_end();
  }

  /// Those that its pipeline calls. A job that asks to stop ends at once, though others that are
  /// drawn with it go on.
  Callbacks for_pipeline() {
    Callbacks all{.progress =
                      [this](const Progress& now) {
                        if (has_ended) return;
                        {
                          const std::lock_guard lock(line->mutex);
                          progress = now;
                        }
                        try {
                          if (callbacks.progress) callbacks.progress(now);
                        } catch (...) {
                          end({{}, std::current_exception()});
                        }
                      },
                  .stop =
                      [this] {
                        try {
                          if (!has_ended && (given_up || (callbacks.stop && callbacks.stop())))
                            end({{}, cancelled("cancelled")});
                        } catch (...) {
                          end({{}, std::current_exception()});
                        }
                        return has_ended.load();
                      },
                  .preview_steps = callbacks.preview_steps};
    if (callbacks.preview)
      all.preview = [this](const Image& image) {
        try {
          if (!has_ended) callbacks.preview(image);
        } catch (...) {
          end({{}, std::current_exception()});
        }
      };
    return all;
  }
};

std::string_view name(JobState state) {
  switch (state) {
    case JobState::waiting: return "waiting";
    case JobState::drawing: return "drawing";
    case JobState::done: return "done";
    case JobState::failed: return "failed";
    case JobState::cancelled: return "cancelled";
  }
  return "unknown";
}

JobState Job::state() const {
  const std::lock_guard lock(record_->line->mutex);
  return record_->state;
}

size_t Job::place() const {
  const JobLine& line = *record_->line;
  const std::lock_guard lock(record_->line->mutex);
  const auto found = std::ranges::find(line.jobs, record_);
  return found == line.jobs.end() ? 0 : static_cast<size_t>(found - line.jobs.begin()) + 1;
}

Progress Job::progress() const {
  const std::lock_guard lock(record_->line->mutex);
  return record_->progress;
}

size_t Job::together() const {
  const std::lock_guard lock(record_->line->mutex);
  return record_->outcome.together;
}

void Job::cancel() {
  JobLine& line = *record_->line;
  {
    const std::lock_guard lock(line.mutex);
    record_->given_up = true;
    if (std::erase(line.jobs, record_) == 0 || !record_->end_locked({{}, cancelled("cancelled")}))
      return;
  }
  record_->tell_end();
}

void Job::wait() const {
  std::unique_lock lock(record_->line->mutex);
  record_->line->ended.wait(lock, [&] { return record_->has_ended.load(); });
}

bool Job::wait_for(std::chrono::milliseconds time) const {
  std::unique_lock lock(record_->line->mutex);
  return record_->line->ended.wait_for(lock, time, [&] { return record_->has_ended.load(); });
}

Result Job::result() const {
  wait();  // nothing changes any more
  if (record_->outcome.failure) std::rethrow_exception(record_->outcome.failure);
  return at_border("job", [&] { return *record_->outcome.result; });
}

class Queue::Implementation {
 public:
  Implementation(const Model& model, const QueueOptions& options);
  ~Implementation() { stop(); }

  std::shared_ptr<JobRecord> push(Request request, Callbacks callbacks,
                                  std::function<void()> on_end, const std::string& owner);
  size_t waiting() const;
  void stop();

 private:
  using Batch = std::vector<std::shared_ptr<JobRecord>>;
  void serve(Pipeline& pipeline);
  void put_in_line_locked(const std::shared_ptr<JobRecord>& job);
  Batch next();
  static void draw(Pipeline& pipeline, const Batch& batch);

  std::shared_ptr<JobLine> line_ = std::make_shared<JobLine>();
  size_t most_together_ = 1;
  Batch drawing_;  // in all threads, under the line's mutex
  std::vector<Pipeline> pipelines_;
  std::mutex joining_;
  std::vector<std::thread> threads_;
};

Queue::Implementation::Implementation(const Model& model, const QueueOptions& options) {
  const auto expect_up_to = [](const char* field, int value, int least, int most) {
    if (value < least || value > most)
      fail(ErrorKind::bad_argument, "{}: {}, expected {} to {}", field, value, least, most);
  };
  expect_up_to("pipelines", options.pipelines, 1, 16);
  expect_up_to("together", options.together, 0, 64);
  for (int i = 0; i < options.pipelines; ++i) pipelines_.emplace_back(model);
  most_together_ = static_cast<size_t>(
      options.together > 0 ? options.together
                           : PipelineParts::stages(pipelines_[0]).most_latents_together());
  try {
    for (Pipeline& pipeline : pipelines_) threads_.emplace_back([&] { serve(pipeline); });
  } catch (...) {
    stop();
    throw;
  }
}

std::shared_ptr<JobRecord> Queue::Implementation::push(Request request, Callbacks callbacks,
                                                       std::function<void()> on_end,
                                                       const std::string& owner) {
  auto job = std::make_shared<JobRecord>(line_, std::move(request), std::move(callbacks),
                                         std::move(on_end), owner);
  const std::lock_guard lock(line_->mutex);
  if (line_->stopping) fail(ErrorKind::cancelled, "queue: has been stopped");
  put_in_line_locked(job);
  line_->arrived.notify_one();
  return job;
}

/// The line is in order of rounds. A newcomer's first is that of who is the next.
void Queue::Implementation::put_in_line_locked(const std::shared_ptr<JobRecord>& job) {
  auto& jobs = line_->jobs;
  if (!jobs.empty()) job->round = jobs.front()->round;
  for (const auto& other : jobs)
    if (other->owner == job->owner) job->round = std::max(job->round, other->round + 1);
  const auto place = std::ranges::upper_bound(jobs, job->round, {}, &JobRecord::round);
  jobs.insert(place, job);
}

size_t Queue::Implementation::waiting() const {
  const std::lock_guard lock(line_->mutex);
  return line_->jobs.size();
}

void Queue::Implementation::stop() {
  std::deque<std::shared_ptr<JobRecord>> ended;
  {
    const std::lock_guard lock(line_->mutex);
    line_->stopping = true;
    ended = std::exchange(line_->jobs, {});
    for (const auto& job : ended) job->end_locked({{}, cancelled("queue: has been stopped")});
    for (const auto& job : drawing_) job->given_up = true;
    line_->arrived.notify_all();
  }
  for (const auto& job : ended) job->tell_end();
  const auto me = std::this_thread::get_id();
  for (const std::thread& thread : threads_)
    if (thread.get_id() == me) return;  // a callback
  const std::lock_guard lock(joining_);
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

/// The first in line, and those behind it that have its shape, as many as make a power of two: each
/// number has a plan of its own. Empty when there will be no more.
Queue::Implementation::Batch Queue::Implementation::next() {
  std::unique_lock lock(line_->mutex);
  line_->arrived.wait(lock, [&] { return line_->stopping || !line_->jobs.empty(); });
  if (line_->stopping) return {};
  auto& jobs = line_->jobs;
  Batch batch{jobs.front()};
  jobs.pop_front();
  const auto fits = [&](const auto& job) { return batch[0]->key && job->key == batch[0]->key; };
  const auto alike = static_cast<size_t>(std::ranges::count_if(jobs, fits));
  const size_t count = std::bit_floor(std::min(most_together_, alike + 1));
  for (auto it = jobs.begin(); batch.size() < count;)
    if (fits(*it))
      batch.push_back(std::move(*it)), it = jobs.erase(it);
    else
      ++it;
  for (const auto& job : batch) job->state = JobState::drawing;
  drawing_.insert(drawing_.end(), batch.begin(), batch.end());
  return batch;
}

void Queue::Implementation::serve(Pipeline& pipeline) {
  for (Batch batch = next(); !batch.empty(); batch = next()) {
    draw(pipeline, batch);
    const std::lock_guard lock(line_->mutex);
    std::erase_if(drawing_, [&](const auto& job) { return std::ranges::count(batch, job) > 0; });
  }
}

void Queue::Implementation::draw(Pipeline& pipeline, const Batch& batch) {
  try {
    std::vector<Callbacks> callbacks;
    for (const auto& job : batch) callbacks.push_back(job->for_pipeline());
    std::vector<Asked> asked;
    for (size_t i = 0; i < batch.size(); ++i) asked.push_back({batch[i]->request, callbacks[i]});
    std::vector<Outcome> outcomes = draw_together(pipeline, asked);
    for (size_t i = 0; i < batch.size(); ++i) batch[i]->end(std::move(outcomes[i]));
  } catch (...) {  // no memory for a vector
    for (const auto& job : batch) job->end({{}, std::current_exception()});
  }
}

Queue::Queue(const Model& model, const QueueOptions& options)
    : implementation_(
          at_border("queue", [&] { return std::make_unique<Implementation>(model, options); })) {}
Queue::~Queue() = default;
Job Queue::push(Request request, Callbacks callbacks, std::function<void()> on_end,
                const std::string& owner) {
  return at_border("queue", [&] {
    return Job(
        implementation_->push(std::move(request), std::move(callbacks), std::move(on_end), owner));
  });
}
size_t Queue::waiting() const { return implementation_->waiting(); }
void Queue::stop() { implementation_->stop(); }

}  // namespace drypoint

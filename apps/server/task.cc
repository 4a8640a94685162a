#include "server/task.h"

#include <algorithm>

#include "drypoint/fields.h"
#include "server/refusal.h"

namespace drypoint::server {
namespace {

bool is_end(JobState state) { return state >= JobState::done; }

Json settings_of(const Request& request) { return Json::parse(to_json(request)); }

/// Of its pictures.
size_t bytes_of(const Request& request) {
  size_t bytes =
      request.image.pixels.size() + request.init_image.pixels.size() + request.mask.pixels.size();
  for (const Control& control : request.controls)
    bytes += control.image.pixels.size() + control.mask.pixels.size();
  return bytes;
}

}  // namespace

double seconds_between(Task::Clock::time_point a, Task::Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

Task::Task(const Order& order)
    : id(order.id),
      api(order.api),
      client(order.client),
      model(order.engine->choice.model),
      settings(settings_of(order.requests.at(0))),
      pictures(order.requests.size()),
      engine_(order.engine),
      begun_(order.requests.size()) {
  for (const Request& request : order.requests) bytes_ += bytes_of(request);
}

bool Task::has_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_ == pictures;
}

Status Task::status() const {
  Status status;
  bool drawing = false, failed = false, cancelled = false;
  double work = 0;
  for (const Job& job : jobs_) {
    const JobState state = job.state();
    status.done += state == JobState::done ? 1 : 0;
    failed |= state == JobState::failed;
    cancelled |= state == JobState::cancelled;
    if (is_end(state)) {
      status.ended += 1;
      work += 1;
    } else if (state == JobState::drawing) {
      const Progress progress = job.progress();
      const bool denoising = progress.stage == Stage::denoise && progress.of > 0;
      // Of a picture's time, decoding is what is left after the steps.
      const double share = progress.stage == Stage::decode ? 0.95
                           : denoising                     ? 0.95 * progress.done / progress.of
                                                           : 0;
      work += share;
      if (!drawing) {
        status.stage = progress.stage;
        status.step = denoising ? progress.done : 0;
        status.steps = denoising ? progress.of : 0;
      }
      drawing = true;
    } else if (status.place == 0) {
      status.place = job.place();
    }
  }
  if (drawing || status.done > 0) status.place = 0;
  status.share = jobs_.empty() ? 0 : work / static_cast<double>(jobs_.size());
  if (has_ended())
    status.state = failed ? JobState::failed : cancelled ? JobState::cancelled : JobState::done;
  else
    status.state = drawing || status.ended > 0 ? JobState::drawing : JobState::waiting;
  return status;
}

void Task::cancel() {
  for (Job& job : jobs_) job.cancel();
}

void Task::skip() {
  for (Job& job : jobs_)
    if (!is_end(job.state())) return job.cancel();
}

void Task::wait_for_change(uint64_t& seen, std::chrono::milliseconds time) const {
  std::unique_lock lock(mutex_);
  change_.wait_for(lock, time, [&] { return changes_ != seen; });
  seen = changes_;
}

bool Task::wait_for_end(std::chrono::milliseconds time) const {
  std::unique_lock lock(mutex_);
  return change_.wait_for(lock, time, [&] { return ended_ == pictures; });
}

std::vector<Result> Task::results() const {
  std::vector<Result> results;
  for (const Job& job : jobs_)
    if (job.state() == JobState::done) results.push_back(job.result());
  return results;
}

void Task::check() const {
  {
    const std::lock_guard lock(mutex_);
    if (is_late_) refuse(503, "time: the picture was given up after the time that is allowed");
  }
  std::exception_ptr cancelled;
  for (const Job& job : jobs_) {
    if (job.state() != JobState::failed && job.state() != JobState::cancelled) continue;
    try {
      job.result();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::cancelled) throw;
      cancelled = std::current_exception();
    }
  }
  if (cancelled) std::rethrow_exception(cancelled);
}

double Task::drawing_seconds() const {
  const std::lock_guard lock(mutex_);
  for (const auto& begun : begun_)
    if (begun) return seconds_between(*begun, ended_at_.value_or(Clock::now()));
  return 0;
}

std::shared_ptr<const Image> Task::preview() const {
  const std::lock_guard lock(mutex_);
  return preview_;
}

size_t Task::previews() const {
  const std::lock_guard lock(mutex_);
  return previews_;
}

bool Task::has_lost_device() const {
  return std::ranges::any_of(jobs_, [](const Job& job) {
    if (job.state() != JobState::failed) return false;
    try {
      job.result();
    } catch (const Error& error) {
      return error.kind() == ErrorKind::device_failure;
    } catch (...) {  // a kind of its own
    }
    return false;
  });
}

}  // namespace drypoint::server

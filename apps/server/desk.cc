#include "server/desk.h"

#include <malloc.h>

#include <algorithm>
#include <cctype>

#include "drypoint/fields.h"
#include "server/encoding.h"
#include "server/order_text.h"
#include "server/requests.h"

namespace drypoint::server {
namespace {

/// More than the text encoder reads of any prompt.
constexpr int64_t most_letters = 100'000;

[[noreturn]] void refuse_absent() { refuse(499, "client: has closed the connection"); }

void check_id(const std::string& id) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '(' ||
           c == ')';
  };
  if (id.size() > 128 || !std::ranges::all_of(id, good))
    refuse_field(422, "id", "expected at most 128 letters, digits, - and _");
}

}  // namespace

Desk::Desk(const Limits& limits, const Catalog& catalog, Metrics& metrics, Journal* journal)
    : limits_(limits), catalog_(catalog), metrics_(metrics), journal_(journal) {
  keeper_ = std::thread([this] { keep(); });
}

Desk::~Desk() {
  drain();
  cancel_all();
  wait_until_idle(std::chrono::minutes(1));
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    some_ended_.notify_all();
  }
  keeper_.join();
}

void Desk::check_limits(const Order& order) const {
  const auto expect_at_most = [&](const char* field, int64_t found, int64_t most) {
    if (found <= most) return;
    metrics_.add(Metric::refused, fmt::format("limit=\"{}\"", field));
    refuse_field(413, field, "{}, expected at most {} here", found, most);
  };
  int64_t pictures = 0;
  for (const Request& request : order.requests) {
    pictures += std::max(1, request.samples);
    const ImageSize size = largest_size(request);
    expect_at_most("pixels", int64_t{size.width} * size.height, limits_.pixels);
    expect_at_most("steps", request.steps, limits_.steps);
    expect_at_most("hires_steps", request.hires_steps, limits_.steps);
    for (const auto& [field, text] :
         {std::pair("prompt", &request.prompt), std::pair("added_prompt", &request.added_prompt),
          std::pair("negative_prompt", &request.negative_prompt)})
      expect_at_most(field, static_cast<int64_t>(text->size()), most_letters);
  }
  expect_at_most("pictures", pictures, limits_.pictures);
}

/// They are called by threads of the queue, which must not keep the task, as the task keeps them.
Callbacks Desk::callbacks_of(const std::shared_ptr<Task>& task, size_t number) const {
  const std::weak_ptr<Task> weak = task;
  const auto late_at = std::make_shared<std::optional<Task::Clock::time_point>>();
  Callbacks callbacks;
  callbacks.progress = [weak, number, fault = fault_](const Progress& now) {
    if (fault) fault(now);
    const auto held = weak.lock();
    if (!held) return;
    const std::lock_guard lock(held->mutex_);
    if (!held->begun_[number]) held->begun_[number] = Task::Clock::now();
    ++held->changes_;
    held->change_.notify_all();
  };
  if (limits_.preview_every > 0) {
    callbacks.preview_steps = limits_.preview_every;
    callbacks.preview = [weak](const Image& image) {
      const auto held = weak.lock();
      if (!held) return;
      auto preview = std::make_shared<const Image>(image);
      const std::lock_guard lock(held->mutex_);
      held->preview_.swap(preview);
      ++held->previews_;
      ++held->changes_;
      held->change_.notify_all();
    };
  }
  if (limits_.time.count() > 0)
    callbacks.stop = [weak, late_at, time = limits_.time] {
      const auto now = Task::Clock::now();
      if (!*late_at) *late_at = now + time;
      if (now < **late_at) return false;
      if (const auto held = weak.lock()) {
        const std::lock_guard lock(held->mutex_);
        held->is_late_ = true;
      }
      return true;
    };
  return callbacks;
}

/// Its place in the counts, and its id.
void Desk::reserve(const Order& order) {
  const size_t count = order.requests.size();
  const std::lock_guard lock(mutex_);
  const auto refuse_for_now = [&](int status, const char* limit, const std::string& why) {
    metrics_.add(Metric::refused, fmt::format("limit=\"{}\"", limit));
    Refusal refusal(status, why);
    refusal.retry_after = draining_ ? 30 : 5;
    throw refusal;
  };
  const auto found = of_clients_.find(order.client);
  const size_t own = found == of_clients_.end() ? 0 : found->second;
  if (draining_) refuse_for_now(503, "draining", "server: is ending, and takes no more jobs");
  if (limits_.of_client > 0 && own + count > limits_.of_client)
    refuse_for_now(429, "client",
                   fmt::format("queue: {} of your pictures are in line, of {} at most", own,
                               limits_.of_client));
  if (in_work_ + count > limits_.waiting)
    refuse_for_now(
        503, "queue",
        fmt::format("queue: {} pictures are in line, of {} at most", in_work_, limits_.waiting));
  if (!tasks_.emplace(order.id, nullptr).second) refuse_field(409, "id", "{} is taken", order.id);
  of_clients_[order.client] += count;
  in_work_ += count;
}

void Desk::release(const Task& task, size_t pictures) {
  const std::lock_guard lock(mutex_);
  in_work_ -= pictures;
  if ((of_clients_[task.client] -= pictures) == 0) of_clients_.erase(task.client);
}

std::shared_ptr<Task> Desk::accept(Order order) {
  if (order.id.empty()) order.id = random_id();
  check_id(order.id);
  for (Request& request : order.requests) {
    if (!request.seed) request.seed = random_seed();
    for (const auto& field : request_fields()) field.check(request);
  }
  check_limits(order);
  for (const Request& request : order.requests) check_files(request, catalog_);
  for (const Request& request : order.requests) check(request);  // now, so that it can be told
  const std::shared_ptr<Task> task(new Task(order));
  const std::weak_ptr<Task> weak = task;
  reserve(order);
  std::vector<Job> jobs;
  try {
    if (journal_) journal_->add({order.id, order.client, text_of(order)});
    for (size_t i = 0; i < task->pictures; ++i)
      jobs.push_back(task->engine_->queue.push(
          std::move(order.requests[i]), callbacks_of(task, i),
          [this, weak] {
            if (const auto held = weak.lock()) note_end(held);
          },
          order.client));
  } catch (...) {
    for (Job& job : jobs) job.cancel();
    if (journal_) journal_->remove(order.id);
    release(
        *task, task->pictures - [&] {
          const std::lock_guard lock(task->mutex_);
          return task->ended_;
        }());
    const std::lock_guard lock(mutex_);
    tasks_.erase(order.id);
    throw;
  }
  const std::lock_guard lock(mutex_);
  task->jobs_ = std::move(jobs);
  tasks_[task->id] = task;
  in_order_.push_back(task);
  if (task->has_ended()) hand_to_keeper_locked(task);
  return task;
}

/// Called by whoever ends a picture.
void Desk::note_end(const std::shared_ptr<Task>& task) {
  bool last = false;
  {
    const std::lock_guard lock(task->mutex_);
    last = ++task->ended_ == task->pictures;
    if (last) task->ended_at_ = Task::Clock::now(), task->preview_.reset();
    ++task->changes_;
    task->change_.notify_all();
  }
  release(*task, 1);
  const std::lock_guard lock(mutex_);
  if (last && tasks_[task->id]) hand_to_keeper_locked(task);
}

/// Both who accepted it and who ended its last picture may be the later.
void Desk::hand_to_keeper_locked(const std::shared_ptr<Task>& task) {
  if (std::exchange(task->is_handed_over_, true)) return;
  just_ended_.push_back(task);
  some_ended_.notify_all();
}

void Desk::keep() {
  std::unique_lock lock(mutex_);
  bool is_trimmed = false;
  while (!ending_) {
    const bool is_quiet = !some_ended_.wait_for(lock, std::chrono::seconds(5),
                                                [&] { return ending_ || !just_ended_.empty(); });
    if (is_quiet && in_work_ == 0 && !std::exchange(is_trimmed, true)) {
      lock.unlock();
      ::malloc_trim(0);  // what many requests have left behind between their neighbours
      lock.lock();
    }
    is_trimmed &= just_ended_.empty();
    while (!just_ended_.empty()) {
      const auto task = just_ended_.front();
      lock.unlock();
      record(*task);
      if (task->has_lost_device()) {
        drain();
        const std::lock_guard again(mutex_);
        device_is_lost_ = true;
      }
      if (listener_) listener_(*task);
      lock.lock();
      just_ended_.pop_front();
    }
    forget_old_ones_locked();
    if (in_work_ == 0) idle_.notify_all();
  }
}

/// What its pictures took, and how large they are; then its model may go.
void Desk::record(Task& task) {
  std::vector<std::optional<Task::Clock::time_point>> begun;
  {
    const std::lock_guard lock(task.mutex_);
    begun = task.begun_;
  }
  size_t bytes = 0;
  for (size_t i = 0; i < task.jobs_.size(); ++i) {
    const Job& job = task.jobs_[i];
    metrics_.add(Metric::jobs, fmt::format("state=\"{}\"", name(job.state())));
    if (begun[i])
      metrics_.observe(Metric::wait_seconds, "", seconds_between(task.submitted, *begun[i]));
    if (job.state() != JobState::done) continue;
    metrics_.observe(Metric::together, "", static_cast<double>(job.together()));
    const Result result = job.result();
    for (const auto& [stage, seconds] : result.seconds)
      metrics_.observe(Metric::stage_seconds, fmt::format("stage=\"{}\"", stage), seconds);
    for (const Image& image : result.images) bytes += image.pixels.size();
    for (const Image& hint : result.hints) bytes += hint.pixels.size();
  }
  const std::lock_guard lock(task.mutex_);
  task.bytes_ += bytes;
  task.engine_.reset();
}

void Desk::forget_old_ones_locked() {
  size_t count = 0, bytes = 0;
  const auto now = std::chrono::system_clock::now();
  for (auto it = in_order_.end(); it != in_order_.begin();) {
    const auto task = *--it;
    {
      const std::lock_guard lock(task->mutex_);
      if (!task->ended_at_ || task->engine_) continue;
      count += 1;
      bytes += task->bytes_;
    }
    if (count <= limits_.kept && bytes <= limits_.kept_bytes &&
        now - task->created <= limits_.kept_time)
      continue;
    tasks_.erase(task->id);
    it = in_order_.erase(it);
  }
}

void Desk::finish(const std::shared_ptr<Task>& task, const HttpRequest& request) {
  while (!task->wait_for_end(std::chrono::milliseconds(200)))
    if (request.is_gone()) {
      task->cancel();
      refuse_absent();
    }
  if (!is_draining() || task->status().state != JobState::cancelled) return;
  Refusal refusal(503, "server: is ending, and has given the picture up");
  refusal.retry_after = 30;
  throw refusal;
}

void Desk::answer_at_once(const HttpRequest& request,
                          const std::function<void(const std::function<bool()>&)>& work) const {
  const auto begin = Task::Clock::now();
  const auto is_late = [&] {
    return limits_.time.count() > 0 && Task::Clock::now() - begin >= limits_.time;
  };
  try {
    work([&] { return is_late() || request.is_gone(); });
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    if (is_late()) refuse(503, "time: the answer took longer than a picture may take");
    refuse_absent();
  }
}

std::shared_ptr<Task> Desk::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Task>> Desk::tasks() const {
  const std::lock_guard lock(mutex_);
  return {in_order_.rbegin(), in_order_.rend()};
}

size_t Desk::pictures_in_work() const {
  const std::lock_guard lock(mutex_);
  return in_work_;
}

void Desk::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

bool Desk::is_draining() const {
  const std::lock_guard lock(mutex_);
  return draining_;
}

bool Desk::has_lost_device() const {
  const std::lock_guard lock(mutex_);
  return device_is_lost_;
}

bool Desk::wait_until_idle(std::chrono::milliseconds time) const {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, time, [&] { return in_work_ == 0 && just_ended_.empty(); });
}

void Desk::cancel_all() {
  for (const auto& task : tasks()) task->cancel();
}

}  // namespace drypoint::server

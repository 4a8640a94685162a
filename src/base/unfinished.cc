#include "base/unfinished.h"

#include <unistd.h>

#include <atomic>
#include <mutex>

#include "drypoint/output.h"

namespace drypoint {

/// A list that only grows, so that a handler can walk it at any moment; entries are used again.
struct Unfinished::Entry {
  std::string path;
  Kind kind = Kind::file;
  bool taken = false;              // under the mutex
  std::atomic<bool> named{false};  // `path` may be read
  Entry* next = nullptr;
};

namespace {

std::mutex mutex;
std::atomic<Unfinished::Entry*> first{nullptr};
std::atomic<int> renaming{0};

}  // namespace

Unfinished::Unfinished(std::string path, Kind kind) {
  const std::scoped_lock lock(mutex);
  for (entry_ = first; entry_ && entry_->taken;) entry_ = entry_->next;
  if (!entry_) {
    entry_ = new Entry;
    entry_->next = first;
    first = entry_;
  }
  entry_->taken = true;
  entry_->path = std::move(path);
  entry_->kind = kind;
  entry_->named = true;
}

Unfinished::~Unfinished() {
  const std::scoped_lock lock(mutex);
  entry_->named = false;
  entry_->taken = false;
}

const std::string& Unfinished::path() const { return entry_->path; }

Renaming::Renaming() { ++renaming; }
Renaming::~Renaming() { --renaming; }

bool remove_unfinished_outputs() noexcept {
  if (renaming > 0) return false;
  const auto each = [](Unfinished::Kind kind, auto&& remove) {
    for (const auto* entry = first.load(); entry; entry = entry->next)
      if (entry->named && entry->kind == kind) remove(entry->path.c_str());
  };
  each(Unfinished::Kind::file, [](const char* path) { ::unlink(path); });
  for (bool some = true; some;) {  // the innermost first
    some = false;
    each(Unfinished::Kind::folder, [&](const char* path) { some = ::rmdir(path) == 0 || some; });
  }
  return true;
}

}  // namespace drypoint

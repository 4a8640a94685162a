#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace drypoint {
namespace {

/// The number behind `key` in a file of lines such as "MemAvailable:  1024 kB" or "file 4096".
std::optional<size_t> find(const char* file, const std::string& key) {
  std::ifstream lines(file);
  std::string word;
  for (size_t value = 0; lines >> word; lines.ignore(4096, '\n'))
    if (word == key && lines >> value) return value;
  return std::nullopt;
}

std::optional<size_t> first(const char* file) {
  size_t value = 0;
  if (std::ifstream(file) >> value) return value;
  return std::nullopt;
}

size_t less(size_t limit, size_t used) { return limit > used ? limit - used : 0; }

}  // namespace

size_t available_host_memory() {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  size_t available = static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) * page;
  if (const auto kib = find("/proc/meminfo", "MemAvailable:")) available = *kib << 10;

  // Cached pages of files count as used there, but make room when asked.
  const auto limit = first("/sys/fs/cgroup/memory.max"),
             used = first("/sys/fs/cgroup/memory.current");
  if (limit && used) {
    const size_t cached = find("/sys/fs/cgroup/memory.stat", "file").value_or(0);
    available = std::min(available, less(*limit, less(*used, cached)));
  }

  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
    available =
        std::min(available, less(space.rlim_cur, first("/proc/self/statm").value_or(0) * page));
  return available;
}

size_t touched_host_memory() { return find("/proc/self/status", "RssAnon:").value_or(0) << 10; }

}  // namespace drypoint

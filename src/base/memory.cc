#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "base/error.h"

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

std::optional<size_t> first_number(const char* file) {
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
  const auto limit = first_number("/sys/fs/cgroup/memory.max"),
             used = first_number("/sys/fs/cgroup/memory.current");
  if (limit && used) {
    const size_t cached = find("/sys/fs/cgroup/memory.stat", "file").value_or(0);
    available = std::min(available, less(*limit, less(*used, cached)));
  }

  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
    available = std::min(available,
                         less(space.rlim_cur, first_number("/proc/self/statm").value_or(0) * page));
  return available;
}

void expect_host_memory(size_t needed, std::string_view what) {
  const size_t available = available_host_memory();
  if (needed > available)
    fail(ErrorKind::out_of_memory, "{} MiB needed for {}, {} MiB available", needed >> 20, what,
         available >> 20);
}

size_t touched_host_memory() { return find("/proc/self/status", "RssAnon:").value_or(0) << 10; }

std::shared_ptr<std::byte> allocate_block(size_t bytes) {
  constexpr size_t large = 1 << 20;
  if (bytes == 0) return nullptr;
  if (bytes < large) {
    void* block = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    return {static_cast<std::byte*>(block), [](std::byte* p) { std::free(p); }};
  }
  void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return nullptr;
  return {static_cast<std::byte*>(block), [bytes](std::byte* p) { ::munmap(p, bytes); }};
}

void release_free_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace drypoint

#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
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

constexpr size_t large_block = 1 << 20;

/// Large blocks without an owner, while somebody wants them kept.
class KeptBlocks {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    if (users_++ == 0) room_ = std::min(most, available_host_memory() / 4);
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--users_ > 0) return;
    for (const auto& [bytes, block] : blocks_) ::munmap(block, bytes);
    blocks_.clear();
  }
  /// One of at least so many bytes, which it sets to what it has, and not much larger.
  std::byte* take(size_t& bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.lower_bound(bytes);
    if (found == blocks_.end() || found->first / 2 > bytes) return nullptr;
    std::byte* block = found->second;
    bytes = found->first;
    room_ += bytes;
    blocks_.erase(found);
    return block;
  }
  void give_back(std::byte* block, size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (users_ > 0 && bytes <= room_) {
        room_ -= bytes;
        blocks_.emplace(bytes, block);
        return;
      }
    }
    ::munmap(block, bytes);
  }

 private:
  static constexpr size_t most = size_t{1} << 30;
  std::mutex mutex_;
  int users_ = 0;
  size_t room_ = 0;
  std::multimap<size_t, std::byte*> blocks_;
};

/// Never destroyed, since blocks may be given back when the process ends.
KeptBlocks& kept_blocks() {
  static auto* const blocks = new KeptBlocks;
  return *blocks;
}

/// The system's own pages. As many as fill huge pages may become those, which are cleared at once
/// and found without a walk; blocks are no larger for it.
std::byte* map_pages(size_t bytes) {
  const auto map = [](size_t size) -> std::byte* {
    void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
  };
  constexpr size_t huge_page = 2 << 20;
  std::byte* const pages = bytes < 2 * huge_page ? nullptr : map(bytes + huge_page);
  if (!pages) return map(bytes);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t before = -reinterpret_cast<uintptr_t>(pages) % huge_page,
               used = (bytes + page - 1) / page * page;
  std::byte* const block = pages + before;
  if (before > 0) ::munmap(pages, before);
  if (before + used < bytes + huge_page) ::munmap(block + used, huge_page + bytes - before - used);
#ifdef MADV_HUGEPAGE
  ::madvise(block, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
  return block;
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
  if (bytes == 0) return nullptr;
  if (bytes < large_block) {
    void* block = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    return {static_cast<std::byte*>(block), [](std::byte* p) { std::free(p); }};
  }
  std::byte* block = kept_blocks().take(bytes);
  if (!block) block = map_pages(bytes);
  if (!block) return nullptr;
  return {block, [bytes](std::byte* p) { kept_blocks().give_back(p, bytes); }};
}

KeepBlocks::KeepBlocks() { kept_blocks().begin(); }
KeepBlocks::~KeepBlocks() { kept_blocks().end(); }

void release_free_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace drypoint

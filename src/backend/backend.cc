#include "backend/backend.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"

namespace drypoint {

DeviceMemory Backend::allocate(size_t bytes) const {
  if (bytes == 0) return nullptr;
  void* block = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!block)
    fail(ErrorKind::out_of_memory, "{} MiB needed, {} MiB available", bytes >> 20,
         available_memory() >> 20);
  return {static_cast<std::byte*>(block), [](std::byte* p) { std::free(p); }};
}

size_t Backend::available_memory() const {
  std::ifstream information("/proc/meminfo");
  std::string key;
  for (size_t kib = 0; information >> key >> kib; information.ignore(64, '\n'))
    if (key == "MemAvailable:") return kib << 10;
  return static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace drypoint

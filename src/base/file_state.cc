#include "base/file_state.h"

#include <sys/stat.h>

#include "base/content_hash.h"

namespace drypoint {

std::optional<uint64_t> file_state(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  const auto number = [](auto value) { return static_cast<uint64_t>(value); };
  return ContentHash()
      .add(number(status.st_dev))
      .add(number(status.st_ino))
      .add(number(status.st_size))
      .add(number(status.st_mtim.tv_sec))
      .add(number(status.st_mtim.tv_nsec))
      .value();
}

}  // namespace drypoint

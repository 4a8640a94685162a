#include "base/own_file.h"

#include <dlfcn.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

namespace drypoint {

std::filesystem::path own_file() {
  // dladdr is for where there is no /proc, as in a bare chroot: of a program it knows the words it
  // was started with, which name another file from another folder.
  const auto here = reinterpret_cast<uintptr_t>(&own_file);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2) continue;
    if (here < begin || here >= end) continue;
    const size_t path = line.find('/');
    return path == std::string::npos ? std::string() : line.substr(path);
  }
  Dl_info found{};
  if (::dladdr(reinterpret_cast<const void*>(&own_file), &found) == 0 || !found.dli_fname)
    return {};
  const std::filesystem::path path = found.dli_fname;
  return path.is_absolute() ? path : std::filesystem::path();
}

}  // namespace drypoint

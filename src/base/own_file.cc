#include "base/own_file.h"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

namespace drypoint {

std::filesystem::path own_file() {
  // Not dladdr: of a program it knows the words it was started with, which name another file from
  // another folder.
  const auto here = reinterpret_cast<uintptr_t>(&own_file);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2) continue;
    if (here < begin || here >= end) continue;
    const size_t path = line.find('/');
    return path == std::string::npos ? std::string() : line.substr(path);
  }
  return {};
}

}  // namespace drypoint

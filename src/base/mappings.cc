#include "base/mappings.h"

#include <array>
#include <atomic>
#include <cstdint>

#include "drypoint/mapped_files.h"

namespace drypoint {
namespace {

// A handler may take no lock and allocate nothing: a table of atomics. A place is free while `path`
// is null, and can be read while `end` is not 0.
struct Place {
  std::atomic<const char*> path{nullptr};
  std::atomic<uintptr_t> begin{0}, end{0};
};
std::array<Place, 256> places;

}  // namespace

void NamedMapping::name(const std::byte* data, size_t size, const std::string& path) {
  const auto begin = reinterpret_cast<uintptr_t>(data);
  for (size_t i = 0; i < places.size(); ++i) {
    const char* free = nullptr;
    if (!places[i].path.compare_exchange_strong(free, path.c_str())) continue;
    places[i].begin = begin;
    places[i].end = begin + size;
    place_ = static_cast<int>(i);
    return;
  }
}

void NamedMapping::forget() {
  if (place_ < 0) return;
  Place& place = places[static_cast<size_t>(place_)];
  place.end = 0;
  place.path = nullptr;
  place_ = -1;
}

const char* mapped_file_at(const void* address) noexcept {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const Place& place : places)
    if (const uintptr_t end = place.end; at < end && at >= place.begin) return place.path;
  return nullptr;
}

}  // namespace drypoint

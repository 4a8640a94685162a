#include "backend/backend.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"

namespace drypoint {

DeviceMemory Backend::allocate(size_t bytes) const {
  if (bytes == 0) return nullptr;
  DeviceMemory block = allocate_block(bytes);
  if (!block)
    fail(ErrorKind::out_of_memory, "{} MiB needed, {} MiB available", bytes >> 20,
         available_memory() >> 20);
  *allocated_ += bytes;
  std::byte* const place = block.get();
  return {place, [bytes, allocated = allocated_, block = std::move(block)](std::byte*) mutable {
            block.reset();
            *allocated -= bytes;
          }};
}

void Backend::upload(std::byte* device, std::span<const std::byte> host) const {
  std::memcpy(device, host.data(), host.size());
}

void Backend::download(std::span<std::byte> host, const std::byte* device) const {
  std::memcpy(host.data(), device, host.size());
}

Incoming Backend::load(std::span<const std::byte> mapped, std::shared_ptr<const void> keeper,
                       std::function<void(std::span<const std::byte>)> check) const {
  const DeviceMemory memory(keeper, const_cast<std::byte*>(mapped.data()));
  const size_t pieces = (mapped.size() + load_piece - 1) / load_piece;
  const auto read = [=, threads = threads(), check = std::move(check)] {
    parallel_for(pieces, threads, [&](size_t i) {
      check(mapped.subspan(i * load_piece, std::min(load_piece, mapped.size() - i * load_piece)));
    });
  };
  try {
    return {memory,
            std::async(std::launch::async, [=, keeper = std::move(keeper)] { read(); }).share()};
  } catch (const std::system_error&) {  // no thread can be had for it
    std::promise<void> done;
    read();
    done.set_value();
    return {memory, done.get_future().share()};
  }
}

size_t Backend::available_memory() const {
  // The system counts pages when they are touched; we, what has been promised.
  const size_t promised = *allocated_ - std::min<size_t>(*allocated_, touched_host_memory());
  const size_t available = available_host_memory();
  return available - std::min(available, promised);
}

}  // namespace drypoint

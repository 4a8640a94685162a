// How much memory there is, and blocks of it.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace drypoint {

/// Bytes that can still be touched before the system, the container (cgroup version 2) or the
/// limit on this process's address space runs out, as far as the system tells.
size_t available_host_memory();

/// Throws out_of_memory with both numbers and what it is for where less is available.
void expect_host_memory(size_t needed, std::string_view what);

/// Bytes of this process's own memory (without mapped files) that have been touched.
size_t touched_host_memory();

/// A block, 64-byte aligned; null if there is no memory. Large ones are the system's own pages,
/// which go back to it at once and leave no holes behind.
std::shared_ptr<std::byte> allocate_block(size_t bytes);

/// While one lives, large blocks that are given back wait for the next that asks, which spares work
/// that takes many of them the system's clearing of each page.
class KeepBlocks {
 public:
  KeepBlocks();
  ~KeepBlocks();
  KeepBlocks(const KeepBlocks&) = delete;
  KeepBlocks& operator=(const KeepBlocks&) = delete;
};

/// Gives memory that was freed, and that the allocator keeps for later, back to the system.
void release_free_memory();

}  // namespace drypoint

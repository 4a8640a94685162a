// How much memory there is.
#pragma once

#include <cstddef>

namespace drypoint {

/// Bytes that can still be touched before the system, the container (cgroup version 2) or the
/// limit on this process's address space runs out, as far as the system tells.
size_t available_host_memory();

/// Bytes of this process's own memory (without mapped files) that have been touched.
size_t touched_host_memory();

}  // namespace drypoint

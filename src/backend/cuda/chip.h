// The chips that are known without one.
#pragma once

#include <algorithm>
#include <string_view>

#include "backend/cuda/context.h"

namespace drypoint::cuda {

/// Of the best known card of this compute capability. Throws unsupported.
Context context_of_chip(std::string_view capability);

/// Whether there is a device, not just a chip.
inline bool is_here(const Context& context) { return context.device >= 0; }

/// Blocks of so many threads, each with so much shared memory, that a multiprocessor has room for.
int blocks_by_room(const Context& context, int threads, int shared_bytes);

/// Blocks of a kernel that run on a multiprocessor at once: as the device says, or, of a chip,
/// those that there is room for, with registers for at least `by_registers`.
template <class... Parameters>
int blocks_at_once(const Context& context, void (*kernel)(Parameters...), int threads,
                   size_t shared_bytes, int by_registers) {
  if (!is_here(context))
    return std::min(by_registers, blocks_by_room(context, threads, static_cast<int>(shared_bytes)));
  int at_once = 0;
  DRYPOINT_CUDA(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&at_once, kernel, threads, shared_bytes));
  return at_once;
}

}  // namespace drypoint::cuda

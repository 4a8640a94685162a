// The chips that are known without one.
#pragma once

#include <string_view>

#include "backend/cuda/context.h"

namespace drypoint::cuda {

/// Of the best known card of this compute capability. Throws unsupported.
Context context_of_chip(std::string_view capability);

/// Whether there is a device, not just a chip.
inline bool is_here(const Context& context) { return context.device >= 0; }

/// Blocks of so many threads, each with so much shared memory, that a multiprocessor has room for.
int blocks_by_room(const Context& context, int threads, int shared_bytes);

}  // namespace drypoint::cuda

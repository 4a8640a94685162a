// From a mapped file to the device.
#pragma once

#include <functional>
#include <span>

#include "backend/cuda/context.h"

namespace drypoint::cuda {

/// Copies all of `mapped` to `target`. Several threads read the file, call `check` with each piece,
/// and put it into pinned memory, from which the device fetches it while the next piece is read.
/// Returns when all is there. Throws what `check` throws, device_failure, out_of_memory.
void load_through_staging(int device, std::span<const std::byte> mapped, std::byte* target,
                          const std::function<void(std::span<const std::byte>)>& check);

}  // namespace drypoint::cuda

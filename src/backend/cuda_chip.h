// GPUs that are not here: what would run on them can be looked at.
#pragma once

#include <memory>
#include <string_view>

#include "backend/backend.h"

namespace drypoint {

/// As `make_cuda_backend`, for a chip of this compute capability ("8.6") in place of a device:
/// gives kernels, whose descriptions say what they take of a multiprocessor, and has no memory to
/// run them in. Throws unsupported naming the chips that are known.
std::unique_ptr<Backend> make_cuda_chip(const CudaOptions& options, std::string_view capability);

}  // namespace drypoint

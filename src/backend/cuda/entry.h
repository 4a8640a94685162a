// How the CUDA backend's library is entered.
#pragma once

#include "backend/backend.h"

namespace drypoint::cuda {

/// The caller owns the result. Throws Error. The name changes when what the two sides share does.
using MakeBackend = Backend*(const CudaOptions& options);
constexpr const char* make_backend_name = "drypoint_make_cuda_backend_3";

}  // namespace drypoint::cuda

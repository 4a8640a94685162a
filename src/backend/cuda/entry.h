// How the CUDA backend's library is entered.
#pragma once

#include "backend/backend.h"
#include "backend/instruments.h"

namespace drypoint::cuda {

/// The caller owns the result. Throws Error. The name changes when what the two sides share does.
using MakeBackend = Backend*(const CudaOptions& options);
constexpr const char* make_backend_name = "drypoint_make_cuda_backend_4";

/// For a backend that the other made, as long as it lives.
using MakeInstruments = Instruments*(const Backend& backend, bool spin);
constexpr const char* make_instruments_name = "drypoint_make_cuda_instruments_1";

}  // namespace drypoint::cuda

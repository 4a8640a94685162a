// A GPU library that was built from other headers than the program.
#include "backend/cuda_entry.h"

extern "C" __attribute__((visibility("default"))) const drypoint::cuda::Entry drypoint_cuda_entry{
    .interface = "0123", .make_backend = nullptr, .make_instruments = nullptr};

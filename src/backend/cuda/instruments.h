// What measures a GPU's work.
#pragma once

#include "backend/cuda/context.h"
#include "backend/instruments.h"

namespace drypoint::cuda {

std::unique_ptr<Instruments> make_instruments(const Context& context, bool spin);

/// Kernels as CUPTI notes them, inside CUDA graphs too. Throws unsupported, saying why, where this
/// build, the machine or the driver denies it.
std::unique_ptr<Tracer> make_cupti_tracer(const Context& context);

/// The device's state as NVML tells it; nothing where there is no NVML.
DeviceState nvml_state(const Context& context);

}  // namespace drypoint::cuda

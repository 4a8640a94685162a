// The ways to compute a convolution. Each throws unsupported where it cannot.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

/// As one product.
KernelPtr make_direct(const Conv2d& op, const KernelRequest& request, const Context& context);
/// Our own Winograd convolution: 3x3, stride 1.
KernelPtr make_winograd(const Conv2d& op, const KernelRequest& request, const Context& context);

using Conv2dAlgorithm = KernelPtr (*)(const Conv2d&, const KernelRequest&, const Context&);
/// All of them by name, for benchmarks and tests; `make` chooses.
std::vector<std::pair<std::string, Conv2dAlgorithm>> conv2d_algorithms();

}  // namespace drypoint::cpu

// Weights turned into those of ordinary convolutions while a file is read.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"
#include "models/network_file.h"

namespace drypoint {

/// Batch norm behind a convolution, (y - running_mean) / sqrt(running_var + epsilon) * weight +
/// bias, goes into the convolution's weight and bias, which it gets where it has none; the norm's
/// tensors are taken out. What is missing or has another shape stays for a check to refuse.
void fold_batch_norm(NamedTensors& tensors, const std::string& convolution, const std::string& norm,
                     double epsilon);

/// A convolution that files have with a batch norm behind it, perhaps without a bias of its own.
StoredLayer normed_convolution(const std::string& convolution, const std::string& norm,
                               double epsilon, bool has_bias);

}  // namespace drypoint

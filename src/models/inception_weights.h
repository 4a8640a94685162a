// The weights of FID's Inception network, as pytorch-fid's public file has them
// (https://github.com/mseitzer/pytorch-fid, pt_inception-2015-12-05-6726825d.pth).
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "tensor/tensor_spec.h"

namespace drypoint {

/// Every tensor that the features need, under the file's names: NAME.conv.weight [O, I, KH, KW] and
/// NAME.bn.{weight, bias, running_mean, running_var} [O].
std::vector<TensorSpec> inception_tensors();

/// Reads such a file (any format, it may hold more) and folds each batch norm into the convolution
/// before it: NAME.weight and NAME.bias. Throws bad_file naming the file and the tensor.
NamedTensors read_inception(const std::filesystem::path& path);

}  // namespace drypoint

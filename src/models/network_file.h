// Files of small networks: what all readers of them ask.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "tensor/tensor_spec.h"

namespace drypoint {

/// By name.
using TensorShapes = std::map<std::string, Shape, std::less<>>;

/// The number of filters of the convolution, or rows of the matrix, of this name; 0 if there is
/// none.
int64_t filters_of(const NamedTensors& tensors, std::string_view weight);

/// Without what files that several GPUs were trained on say in front of every name: "module.".
void drop_prefix(NamedTensors& tensors, std::string_view prefix);

/// Throws unsupported: the file holds no `what`, whose tensors begin with `first`.
[[noreturn]] void refuse_network(const NamedTensors& tensors, const std::string& file,
                                 std::string_view what, std::string_view first);

/// A layer's weights that files hold otherwise than the graph takes them, told once for both ways.
struct StoredLayer {
  /// The file's tensors -> the graph's. What is missing or has another shape stays as it is, for
  /// `expect_exactly` to refuse.
  std::function<void(NamedTensors&)> convert;
  /// The graph's shapes -> the file's.
  std::function<void(TensorShapes&)> restore;
};

/// What the file holds of what the graph takes.
std::vector<TensorSpec> stored_tensors(const std::vector<TensorSpec>& taken,
                                       const std::vector<StoredLayer>& layers);

/// Throws bad_file for a tensor that is missing or of another shape, unsupported for one that is
/// not needed.
void expect_exactly(const NamedTensors& tensors, const std::vector<TensorSpec>& needed,
                    const std::string& file, std::string_view what);

}  // namespace drypoint

// The small networks there are, of the sizes that their public files have.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tensor/tensor_spec.h"

namespace drypoint {

struct PublishedNetwork {
  std::string_view name;  // as `synth` has it
  /// What public files of such a network are called.
  std::vector<std::string_view> files;
  /// Every tensor of its file.
  std::vector<TensorSpec> (*tensors)();
  /// What its products are multiplied with when weights are random, so that values keep their size
  /// from layer to layer. ReLU halves the square of what it gets.
  float gain = 1.41f;
};

std::span<const PublishedNetwork> published_networks();

}  // namespace drypoint

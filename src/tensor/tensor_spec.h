// A tensor that a model needs.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace drypoint {

struct TensorSpec {
  std::string name;
  Shape shape;
};

}  // namespace drypoint

// What models are built from, taken off a checkpoint.
#pragma once

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"

namespace drypoint::testing {

inline WeightTypes weight_types(const NamedTensors& checkpoint) {
  WeightTypes types;
  for (const auto& [name, tensor] : checkpoint.tensors) types[name] = tensor.type();
  return types;
}

}  // namespace drypoint::testing

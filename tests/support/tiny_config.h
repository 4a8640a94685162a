// What the tiny checkpoints of the tests are made of.
#pragma once

#include "models/assemble.h"
#include "models/detect.h"
#include "support/test_support.h"

namespace drypoint::testing {

inline const ModelConfig& tiny_config() {
  static const ModelConfig config =
      detect(assemble({.model = tiny_model_path(), .control = tiny_control_path()}).tensors);
  return config;
}

}  // namespace drypoint::testing

// Stable Diffusion 1.5 in full size: its graphs, and the operations in them.
#pragma once

#include "models/denoiser.h"

namespace drypoint::testing {

Graph full_size_denoiser(const DenoiserShape& shape);

/// One denoising step of a 256x384 picture with both prompts; the text encoder; the VAE's decoder
/// and encoder; the Inception network.
std::vector<Graph> full_size_graphs();

struct Case {
  Op op;
  std::vector<TensorType> inputs;
  int count = 0;  // of occurrences
};

/// Each operation and shapes once, in the order of execution.
std::vector<Case> distinct_cases(const std::vector<Graph>& graphs);

}  // namespace drypoint::testing

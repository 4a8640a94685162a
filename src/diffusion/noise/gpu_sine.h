// The fast sine of NVIDIA's GPUs, bit for bit.
#pragma once

namespace drypoint {

/// `__sinf(x)` and `__cosf(x)` for x from 0 to 2 pi, as a GPU computes them. Their error of up to
/// 2^-21.4 is part of the random numbers that PyTorch draws there.
float gpu_sine(float x);
float gpu_cosine(float x);

}  // namespace drypoint

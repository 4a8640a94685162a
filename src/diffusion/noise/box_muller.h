// Normal numbers of uniform ones.
#pragma once

#include <span>

namespace drypoint {

/// Box and Muller on each 16 uniform numbers, from 0 to below 1, of which i and i + 8 make a pair.
/// The same bits as PyTorch's on a CPU with AVX2 (aten/src/ATen/native/cpu/DistributionTemplates.h,
/// normal_fill_16_AVX2): its logarithm, sine and cosine are those of S. Moshier's Cephes library in
/// single precision, as J. Pommier wrote it for vectors (avx_mathfun.h), with the sums fused that
/// PyTorch's compiler fuses.
void box_muller(std::span<float> values);

}  // namespace drypoint

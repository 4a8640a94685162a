// Logarithm, sine and cosine as PyTorch computes them for random numbers on a CPU with AVX2.
#pragma once

namespace drypoint {

struct SineCosine {
  float sine, cosine;
};

/// The same bits as there: S. Moshier's Cephes library in single precision, as J. Pommier wrote it
/// for vectors (avx_mathfun.h), with the sums fused that PyTorch's compiler fuses.
float cephes_log(float x);               ///< for normal positive x
SineCosine cephes_sine_cosine(float x);  ///< for x from 0 to 8192

}  // namespace drypoint

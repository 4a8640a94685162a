// Instructions for products of bf16 and i8 that the processor has, and that the system lets us use.
#pragma once

namespace drypoint::cpu {

struct Processor {
  bool avx512_vnni = false, avx512_bf16 = false;  // vectors of 512 bits
  bool avx_vnni = false;                          // of 256
  bool amx_i8 = false, amx_bf16 = false;          // tiles
};

/// Found once. Vectors' are told where the processor has them; whether they are to be used, our
/// vector code's instruction set says, which tests may restrict.
const Processor& processor();

}  // namespace drypoint::cpu

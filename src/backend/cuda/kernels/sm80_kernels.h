// The choices of tile for the portable product.
#pragma once

#include <vector>

#include "backend/cuda/gemm_shape.h"
#include "backend/cuda/kernels/epilogue.cuh"

namespace drypoint::cuda {

/// The inputs that continue the rows of a product's first.
template <class T>
struct Rest {
  const T* x[2] = {};
};

/// Of a window: there is a bit for each.
constexpr int most_taps = 32;

/// What its kernel divides by.
struct GemmDivisors {
  Divisor tiles;  // of rows, for each set of weights
  Divisor out_pixels, out_width, taps, kernel_width;
};

/// For results of type T.
template <class T>
struct Sm80Kernel {
  int rows, columns, stages;
  bool serial;  // split-K within one block, part after part
  int threads, shared_bytes;
  void (*kernel)(const void*, Rest<T>, const void*, float*, int*, GemmShape, GemmDivisors,
                 EpilogueParams<T>, int, int);
  int at_once;  // blocks on a multiprocessor: as many as there are registers for, or more
};

// Of operands of the result's type, and of those of eight bits; each is instantiated in a file of
// its own.
template <class T>
void add_sm80_tiles(std::vector<Sm80Kernel<T>>& kernels);
template <class T>
void add_sm80_tiles_of_f8(std::vector<Sm80Kernel<T>>& kernels);
template <class T>
void add_sm80_tiles_of_i8(std::vector<Sm80Kernel<T>>& kernels);

}  // namespace drypoint::cuda

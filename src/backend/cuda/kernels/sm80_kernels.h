// The choices of tile for the portable product in half precision.
#pragma once

#include <vector>

#include "backend/cuda/kernels/epilogue.cuh"
#include "backend/cuda/product_shape.h"

namespace drypoint::cuda {

/// The inputs that continue the rows of a product's first.
template <class T>
struct Rest {
  const T* x[2] = {};
};

/// Of a window: there is a bit for each.
constexpr int most_taps = 32;

/// What its kernel divides by.
struct ProductDivisors {
  Divisor tiles;  // of rows, for each set of weights
  Divisor out_pixels, out_width, taps, kernel_width;
};

template <class T>
struct Sm80Kernel {
  int rows, columns, stages;
  bool serial;  // split-K within one block, part after part
  int threads, shared_bytes;
  void (*kernel)(const T*, Rest<T>, const T*, float*, int*, ProductShape, ProductDivisors,
                 EpilogueParams<T>, int, int);
  int at_once = 1;  // blocks on a multiprocessor of the device
};

/// Instantiated for each type in a file of its own.
template <class T>
void add_sm80_tiles(std::vector<Sm80Kernel<T>>& kernels);

}  // namespace drypoint::cuda

// The choices of tile for Hopper's product.
#pragma once

#include <cuda.h>

#include <vector>

#include "backend/cuda/kernels/ends.cuh"

namespace drypoint::cuda {

struct ProductPlan;

/// Blocks of neighbouring tiles, down the rows and across the columns, that share what they read:
/// those of the same columns the weights, those of the same rows the rows. Each reads a part and
/// the copy engine hands it to all. Products of large tiles wait for the cache otherwise: it brings
/// some 35 bytes a clock cycle to each multiprocessor, and a tile of 128 x 160 wants 58.
struct Sharing {
  int down = 1, across = 1;

  constexpr int blocks() const { return down * across; }
};

template <class T>
struct HopperKernel {
  int rows, columns, stages, threads, shared_bytes;
  void (*kernel)(CUtensorMap, CUtensorMap, CUtensorMap, ProductPlan, Ends<T>);
};

// By the rows of the tile; each is instantiated in a file of its own.
template <class T>
void add_tiles_of_64_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_128_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_192_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_256_rows(std::vector<HopperKernel<T>>& kernels);

}  // namespace drypoint::cuda

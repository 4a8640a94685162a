// The choices of tile for Hopper's product.
#pragma once

#include <cuda.h>

#include <vector>

#include "backend/cuda/kernels/ends.cuh"

namespace drypoint::cuda {

struct ProductPlan;

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

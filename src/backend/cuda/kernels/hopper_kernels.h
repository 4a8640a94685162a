// The choices of tile for Hopper's product.
#pragma once

#include <cuda.h>

#include <vector>

#include "backend/cuda/kernels/epilogue.cuh"

namespace drypoint::cuda {

struct GemmPlan;

/// Blocks of neighbouring tiles, down the rows and across the columns, that share what they read:
/// those of the same columns the weights, those of the same rows the rows. Each reads a part and
/// the copy engine hands it to all. This pays where reads bound the product: up to 20 % where rows
/// come from memory.
struct Sharing {
  int down = 1, across = 1;

  constexpr int blocks() const { return down * across; }
};

constexpr int most_serial_parts = 8;

/// For results of type T.
template <class T>
struct HopperKernel {
  int rows, columns, stages, most_parts;
  bool serial;  // split-K within one block, part after part
  int threads, shared_bytes;
  void (*kernel)(CUtensorMap, CUtensorMap, CUtensorMap, CUtensorMap, GemmPlan, EpilogueParams<T>);
};

// Of operands of the result's type by the rows of the tile, and of those of eight bits; each is
// instantiated in a file of its own.
template <class T>
void add_tiles_of_64_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_128_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_192_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_256_rows(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_f8(std::vector<HopperKernel<T>>& kernels);
template <class T>
void add_tiles_of_i8(std::vector<HopperKernel<T>>& kernels);

}  // namespace drypoint::cuda

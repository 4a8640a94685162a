#include "backend/cuda/kernels/hopper_kernels.h"
#include "backend/cuda/kernels/product_sm90.cuh"

namespace drypoint::cuda {
namespace {

template <class Tile>
void add(std::vector<HopperKernel<bfloat16>>& kernels) {
  kernels.push_back({Tile::rows, Tile::columns, Tile::stages, Tile::threads, Tile::shared_bytes,
                     product_sm90<Tile, bfloat16>});
}

}  // namespace

template <>
void add_tiles_of_128_rows(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<128, 128, 6>>(kernels);
  add<HopperTile<128, 160, 5>>(kernels);
  add<HopperTile<128, 256, 4>>(kernels);
}

}  // namespace drypoint::cuda

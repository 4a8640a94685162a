// Hopper's product: the copy engine brings windows of pictures and rows of weights into shared
// memory, one warpgroup orders the copies, the others multiply (wgmma). The blocks of a cluster
// share the depth: each sums a part, and they add up through each other's shared memory, always in
// the same order.
#pragma once

#include "backend/cuda/kernels/tma.cuh"
#include "backend/cuda/kernels/wgmma.cuh"

namespace drypoint::cuda {

/// What the host has worked out for a launch.
struct ProductPlan {
  int rows = 0;     // of each group
  int tiles = 0;    // of rows, in each group
  int columns = 0;  // packed rows of weights in each group
  int blocks = 0;   // of 64 along the depth
  int blocks_of_tap = 0;
  bool picture = false;  // windows of pictures rather than rows of a matrix
  int out_width = 1, out_pixels = 1, kernel_width = 1, stride = 1, top = 0, left = 0;
};

/// A choice of tile: `rows` x `columns` results, `stages` pieces of 64 deep on their way.
template <int tile_rows, int tile_columns, int pipeline_stages>
struct HopperTile {
  static constexpr int rows = tile_rows, columns = tile_columns, stages = pipeline_stages;
  static constexpr int depth = 64;             // elements of two bytes: a row of the swizzle
  static constexpr int consumers = rows / 64;  // warpgroups that multiply
  static constexpr int threads = 128 * (consumers + 1);
  static constexpr int a_bytes = rows * 128, b_bytes = columns * 128;
  static constexpr int stage_bytes = a_bytes + b_bytes;
  static constexpr int pitch = columns + 8;  // of the tile of sums, in floats
  static constexpr int sums_bytes = rows * pitch * 4;
  static constexpr int tile_bytes =
      stages * stage_bytes > sums_bytes ? stages* stage_bytes : sums_bytes;
  static constexpr int shared_bytes = 1024 + tile_bytes + 2 * stages * 8;  // with room to align
};

__device__ inline void spread(float4 low, float4 high, float (&values)[8]) {
  values[0] = low.x, values[1] = low.y, values[2] = low.z, values[3] = low.w;
  values[4] = high.x, values[5] = high.y, values[6] = high.z, values[7] = high.w;
}

/// Grid: groups * tiles of rows, tiles of columns, parts of the depth (the cluster).
template <class Tile, class T>
__global__ void __launch_bounds__(Tile::threads, 1)
    product_sm90(const __grid_constant__ CUtensorMap windows,
                 const __grid_constant__ CUtensorMap weights, ProductPlan plan, Ends<T> ends) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ unsigned char raw[];
  unsigned char* shared = raw + (1024 - (shared_address(raw) & 1023)) % 1024;
  uint64_t* full = reinterpret_cast<uint64_t*>(shared + Tile::tile_bytes);
  uint64_t* empty = full + Tile::stages;

  const int thread = threadIdx.x, warpgroup = thread / 128;
  const int group = blockIdx.x / plan.tiles, first_row = blockIdx.x % plan.tiles * Tile::rows;
  const int first_column = blockIdx.y * Tile::columns;
  const int parts = gridDim.z, part = blockIdx.z;
  const int begin = plan.blocks * part / parts, count = plan.blocks * (part + 1) / parts - begin;

  if (thread == 0) {
    prefetch_map(&windows);
    prefetch_map(&weights);
    for (int s = 0; s < Tile::stages; ++s) {
      barrier_init(full + s, 1);
      barrier_init(empty + s, Tile::consumers);
    }
    barrier_init_done();
  }
  __syncthreads();
  let_next_begin();

  if (warpgroup == Tile::consumers) {  // the last one orders copies
    if (thread == Tile::consumers * 128) {
      const auto stage = [&](int i) { return shared + i % Tile::stages * Tile::stage_bytes; };
      const auto copy_weights = [&](int i) {
        copy_box(&weights, stage(i) + Tile::a_bytes, full + i % Tile::stages,
                 (begin + i) * Tile::depth, group * plan.columns + first_column);
      };
      const int row = group * plan.rows + first_row;
      const int picture = row / plan.out_pixels, in_picture = row % plan.out_pixels;
      const int x = in_picture % plan.out_width * plan.stride - plan.left;
      const int y = in_picture / plan.out_width * plan.stride - plan.top;
      const auto copy_rows = [&](int i) {
        const int block = begin + i;
        if (plan.picture) {
          const int tap = block / plan.blocks_of_tap;
          const int tap_y = tap / plan.kernel_width;
          copy_windows(&windows, stage(i), full + i % Tile::stages,
                       (block - tap * plan.blocks_of_tap) * Tile::depth, x, y, picture,
                       tap - tap_y * plan.kernel_width, tap_y);
        } else {
          copy_box(&windows, stage(i), full + i % Tile::stages, block * Tile::depth, row);
        }
      };
      // Weights are nobody's result: their copies need not wait for the kernel before.
      const int ahead = min(count, Tile::stages);
      for (int i = 0; i < ahead; ++i) {
        barrier_arrive_expecting(full + i, Tile::stage_bytes);
        copy_weights(i);
      }
      wait_for_previous();
      for (int i = 0; i < ahead; ++i) copy_rows(i);
      for (int i = ahead; i < count; ++i) {
        barrier_wait(empty + i % Tile::stages, (i / Tile::stages - 1) & 1);
        barrier_arrive_expecting(full + i % Tile::stages, Tile::stage_bytes);
        copy_weights(i);
        copy_rows(i);
      }
    }
    __syncwarp();
  }

  float* tile = reinterpret_cast<float*>(shared);
  if (warpgroup < Tile::consumers) {
    float sums[Tile::columns / 2];
#pragma unroll
    for (int i = 0; i < Tile::columns / 2; ++i) sums[i] = 0;
    for (int i = 0; i < count; ++i) {
      const int s = i % Tile::stages;
      barrier_wait(full + s, i / Tile::stages & 1);
      const uint32_t stage = shared_address(shared) + s * Tile::stage_bytes;
      const uint64_t a = wgmma_descriptor(stage + warpgroup * 64 * 128);
      const uint64_t b = wgmma_descriptor(stage + Tile::a_bytes);
      wgmma_begin();
#pragma unroll
      for (int k = 0; k < 4; ++k)  // 16 deep: 32 bytes further
        Wgmma<Tile::columns, T>::run(sums, a + k * 2, b + k * 2, 1);
      wgmma_commit();
      wgmma_wait<1>();
      if (i > 0 && thread % 128 == 0) barrier_arrive(empty + (i - 1) % Tile::stages);
    }
    wgmma_wait<0>();
    // All multiply from the same stages, which the sums are about to overwrite.
    asm volatile("bar.sync 1, %0;" ::"n"(Tile::consumers * 128) : "memory");
    const int row = warpgroup * 64 + thread % 128 / 32 * 16 + thread % 32 / 4;
    const int column = thread % 4 * 2;
#pragma unroll
    for (int i = 0; i < Tile::columns / 8; ++i) {
      float2* at = reinterpret_cast<float2*>(tile + row * Tile::pitch + i * 8 + column);
      at[0] = make_float2(sums[i * 4], sums[i * 4 + 1]);
      at[4 * Tile::pitch] = make_float2(sums[i * 4 + 2], sums[i * 4 + 3]);
    }
  }

  wait_for_previous();
  if (parts == 1) {
    __syncthreads();
    store_tile(ends, group, int64_t{group} * plan.rows + first_row, plan.rows - first_row, 0,
               Tile::rows, first_column, Tile::columns, thread, Tile::threads,
               [&](int r, int c, float(&values)[8]) {
                 const float4* from = reinterpret_cast<const float4*>(tile + r * Tile::pitch + c);
                 spread(from[0], from[1], values);
               });
  } else {
    cluster_sync();
    // Each block adds up and stores its share of the rows.
    store_tile(ends, group, int64_t{group} * plan.rows + first_row, plan.rows - first_row,
               Tile::rows * part / parts, Tile::rows * (part + 1) / parts, first_column,
               Tile::columns, thread, Tile::threads, [&](int r, int c, float(&values)[8]) {
                 const float* own = tile + r * Tile::pitch + c;
                 float4 low{}, high{};
                 for (int p = 0; p < parts; ++p) {
                   const uint32_t from = address_in_cluster(own, p);
                   const float4 l = load_from_cluster(from), h = load_from_cluster(from + 16);
                   low.x += l.x, low.y += l.y, low.z += l.z, low.w += l.w;
                   high.x += h.x, high.y += h.y, high.z += h.z, high.w += h.w;
                 }
                 spread(low, high, values);
               });
    cluster_sync();  // nobody leaves while others read its sums
  }
#endif
}

}  // namespace drypoint::cuda

// Hopper's product: the copy engine brings windows of pictures and rows of weights into shared
// memory, one warp orders the copies, warpgroups multiply (wgmma). The blocks of a cluster share
// the depth: each sums a part, and they add up through each other's shared memory, always in the
// same order. Those of neighbouring tiles may share what they read.
#pragma once

#include "backend/cuda/kernels/gemm_sm90_copies.cuh"
#include "backend/cuda/kernels/gemm_sm90_epilogue.cuh"
#include "backend/cuda/kernels/wgmma.cuh"

namespace drypoint::cuda {

/// A choice of tile: `rows` x `columns` results, `stages` pieces of 128 bytes deep on their way.
/// Two blocks fit on a multiprocessor where no warpgroup is set apart for copies, and one begins
/// while the other ends. `is_serial`: split-K within one block, which does part after part and adds
/// them up as the blocks of a cluster would.
template <int tile_rows, int tile_columns, int pipeline_stages, bool two_blocks = false,
          bool is_serial = false>
struct HopperTile {
  static constexpr int rows = tile_rows, columns = tile_columns, stages = pipeline_stages;
  static constexpr int consumers = rows / 64;  // warpgroups that multiply
  static constexpr bool has_producer = !two_blocks;
  static constexpr int at_once = two_blocks ? 2 : 1;
  static constexpr int threads = 128 * (consumers + has_producer);
  static constexpr bool serial = is_serial;
  /// Serial split-K needs room for two sums of each element: where that is more than a thread gets
  /// at the start, those who copy leave some.
  static constexpr bool shifts_registers = serial && threads > 256;
  static constexpr int few_registers = 56;
  static constexpr int many_registers =
      (65536 / threads / 8 * 8 * threads - few_registers * 128) / (128 * consumers) / 8 * 8;
  static constexpr int a_bytes = rows * 128, b_bytes = columns * 128;
  static constexpr int stage_bytes = a_bytes + b_bytes;
  static constexpr int pitch = columns + 8;  // of the tile of sums, in floats; a row's moments fit
  static constexpr int sums_bytes = rows * pitch * 4;
  /// Of the rows, where `parts` blocks share the depth: the first that block `part` adds up, and
  /// how many a block has at most. Twos, so that all are whole sixteens of bytes.
  __host__ __device__ static constexpr int first_of_share(int part, int parts) {
    return rows / 2 * part / parts * 2;
  }
  __host__ __device__ static constexpr int most_of_share(int parts) {
    return (rows / 2 + parts - 1) / parts * 2;
  }
  /// Into how many parts the depth can be cut: what the others send lies behind the own sums.
  static constexpr int most_parts() {
    int parts = 1;
    while (parts < 8 &&
           sums_bytes + parts * most_of_share(parts + 1) * pitch * 4 <= stages * stage_bytes)
      ++parts;
    return parts;
  }
  static constexpr int tile_bytes =
      stages * stage_bytes > sums_bytes ? stages* stage_bytes : sums_bytes;
  static constexpr int barrier_bytes = (2 * stages + 2) * 8;
  // With room to align, a bias, of each row what its moments make of it, and each column's scale.
  static constexpr int shared_bytes =
      1024 + tile_bytes + barrier_bytes + 2 * columns * 4 + rows * 4;
  static_assert(shared_bytes <= 227 * 1024);
};

/// The moments of a warpgroup's 64 rows, for products of normed rows, as the stages pass. Two
/// threads share a row; at the end both have its sums.
class RowMoments {
 public:
  /// `rows`: the first byte of a stage's 64 rows of 128 bytes, in the swizzle.
  template <class T>
  __device__ void add(const unsigned char* rows) {
    const int row = threadIdx.x % 128 / 2, first = threadIdx.x % 2 * 4;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const auto v =
          *reinterpret_cast<const Vector<T>*>(rows + row * 128 + ((first + i) ^ (row % 8)) * 16);
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        const float x = to_float(v.values[e]);
        sum_ += x;
        squares_ = fmaf(x, x, squares_);
      }
    }
  }
  __device__ float2 of_row() const {
    return {sum_ + __shfl_xor_sync(~0u, sum_, 1), squares_ + __shfl_xor_sync(~0u, squares_, 1)};
  }

 private:
  float sum_ = 0, squares_ = 0;
};

template <bool is_first, class First, class Second>
__device__ inline auto& one_of(First& first, Second& second) {
  if constexpr (is_first)
    return first;
  else
    return second;
}

/// Grid: sets of weights * tiles of rows, tiles of columns, parts of the depth. Cluster: those that
/// share, times the parts. In: of the operands; T: of the result.
template <class Tile, class In, class T>
__global__ void __launch_bounds__(Tile::threads, Tile::at_once)
    gemm_sm90(const __grid_constant__ CUtensorMap windows, const __grid_constant__ CUtensorMap rest,
              const __grid_constant__ CUtensorMap last, const __grid_constant__ CUtensorMap weights,
              GemmPlan plan, EpilogueParams<T> epilogue) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr bool eight_bits = sizeof(In) == 1;
  extern __shared__ unsigned char raw[];
  unsigned char* shared = raw + (1024 - (shared_address(raw) & 1023)) % 1024;
  uint64_t* full = reinterpret_cast<uint64_t*>(shared + Tile::tile_bytes);
  uint64_t* empty = full + Tile::stages;
  uint64_t* ready = empty + Tile::stages;  // the other parts have no more use for their stages
  uint64_t* received = ready + 1;          // what they have summed of this block's share is here
  float* bias = reinterpret_cast<float*>(received + 1);
  float* factors = bias + Tile::columns;
  float* scales = factors + Tile::rows;

  // Taken from one lane: the compiler then knows that it is the same for all.
  const int thread = threadIdx.x, warpgroup = __shfl_sync(~0u, thread / 128, 0);
  int first_row;
  const int group = plan.tiles.divide(blockIdx.x, first_row);
  first_row *= Tile::rows;
  const int first_column = blockIdx.y * Tile::columns;
  const int parts = gridDim.z, part = blockIdx.z;
  const auto begin_of = [&](int p) { return plan.parts.divide(plan.blocks * p); };
  const int begin = Tile::serial ? 0 : begin_of(part),
            count = Tile::serial ? plan.blocks : begin_of(part + 1) - begin;
  const Neighbours neighbours(plan.sharing);
  const bool alone = parts * plan.sharing.blocks() == 1;

  if (thread == 0) {
    prefetch_map(&windows);
    prefetch_map(&weights);
    for (int s = 0; s < Tile::stages; ++s) {
      barrier_init(full + s, 1);
      // Rows whose moments are taken are read by each warp, others by the warpgroup as one.
      barrier_init(empty + s, Tile::consumers * (epilogue.normed ? 4 : 1) * neighbours.writers());
    }
    barrier_init(ready, max(parts - 1, 1));
    barrier_init(received, 1);
    barrier_init_done();
  }
  if (alone)
    __syncthreads();
  else
    cluster_sync();  // others will write here
  let_next_begin();

  const int ahead = min(count, Tile::stages);
  const auto make_operands = [&] {
    return Operands<Tile, In>(windows, rest, last, weights, plan, neighbours, group, first_row,
                              first_column, begin);
  };
  const auto fill_first = [&](Operands<Tile, In>& operands) {
    // Weights are nobody's result: their copies need not wait for the kernel before.
    for (int i = 0; i < ahead; ++i) {
      barrier_arrive_expecting(full + i, Tile::stage_bytes);
      operands.copy_next_weights(shared + i * Tile::stage_bytes, full + i);
    }
    wait_for_previous();
    for (int i = 0; i < ahead; ++i)
      operands.copy_next_rows(shared + i * Tile::stage_bytes, full + i);
  };
  const auto refill = [&](Operands<Tile, In>& operands, Turn<Tile::stages>& turn) {
    const int s = turn.stage;
    barrier_wait(empty + s, turn.parity);
    barrier_arrive_expecting(full + s, Tile::stage_bytes);
    operands.copy_next_weights(shared + s * Tile::stage_bytes, full + s);
    operands.copy_next_rows(shared + s * Tile::stage_bytes, full + s);
    turn.advance();
  };
  const int warp = __shfl_sync(~0u, thread / 32, 0);
  if (Tile::has_producer && warpgroup == Tile::consumers) {  // the last one orders copies
    if constexpr (Tile::shifts_registers) give_registers<Tile::few_registers>();
    if (warp == Tile::consumers * 4) {
      auto operands = make_operands();
      fill_first(operands);
      Turn<Tile::stages> turn;
#pragma unroll 1
      for (int i = ahead; i < count; ++i) refill(operands, turn);
    }
  }

  float* tile = reinterpret_cast<float*>(shared);
  const bool in_eights = epilogue.width % 8 == 0;
  const bool straight = parts == 1 && in_eights;  // from registers to the result
  if (warpgroup < Tile::consumers) {
    if constexpr (Tile::shifts_registers) take_registers<Tile::many_registers>();
    auto operands = make_operands();
    const bool orders = !Tile::has_producer && warp == 0;
    if (orders) fill_first(operands);
    wait_for_previous();
    // On their way while the products go on.
    constexpr int biases = (Tile::columns + Tile::consumers * 128 - 1) / (Tile::consumers * 128);
    float own_bias[biases];
    if (in_eights)
#pragma unroll
      for (int i = 0; i < biases; ++i)
        own_bias[i] = bias_of(epilogue, group, first_column + thread + i * Tile::consumers * 128);
    const int row_of_factor = warpgroup * 64 + thread % 128 / 2;  // two threads share a row
    float own_factor = 1, own_scale[eight_bits ? biases : 1];
    if constexpr (eight_bits) {
      if (first_row + row_of_factor < plan.rows)
        own_factor = input_scale_of(epilogue, group * plan.rows + first_row + row_of_factor);
#pragma unroll
      for (int i = 0; i < biases; ++i)
        own_scale[i] =
            weight_scale_of(epilogue, group, first_column + thread + i * Tile::consumers * 128);
    }
    using Product = Wgmma<Tile::columns, In>;
    typename Product::Sum sums[Tile::columns / 2];
    float all_sums[Tile::serial ? Tile::columns / 2 : 1] = {};
    Turn<Tile::stages> turn, to_fill;
    float2 moments{};
    const bool releases = thread % (epilogue.normed ? 32 : 128) == 0;
    const uint32_t first_stage = shared_address(shared);
    int i = 0;
    const auto add_part = [&](int end) {
      RowMoments row_moments;
#pragma unroll
      for (auto& sum : sums) sum = 0;
#pragma unroll 1
      for (; i < end; ++i) {
        barrier_wait(full + turn.stage, turn.parity);
        const uint32_t stage = first_stage + turn.stage * Tile::stage_bytes;
        const uint64_t a = wgmma_descriptor(stage + warpgroup * 64 * 128);
        const uint64_t b = wgmma_descriptor(stage + Tile::a_bytes);
        wgmma_begin();
#pragma unroll
        for (int k = 0; k < 4; ++k)  // 32 bytes further
          Product::run(sums, a + k * 2, b + k * 2, 1);
        wgmma_commit();
        wgmma_wait<1>();
        // The stage before is read. (Nobody waits for the last ones' release, and may be gone.)
        const int before = (turn.stage == 0 ? Tile::stages : turn.stage) - 1;
        const bool refilled = i > 0 && i - 1 + Tile::stages < count;
        if (refilled && releases) neighbours.release(empty + before);
        if (refilled && orders) refill(operands, to_fill);
        if constexpr (!eight_bits)
          if (epilogue.normed) {
            row_moments.add<In>(shared + turn.stage * Tile::stage_bytes + warpgroup * 64 * 128);
            __syncwarp();
          }
        turn.advance();
      }
      const float2 own = row_moments.of_row();
      moments.x += own.x, moments.y += own.y;
    };
    if constexpr (Tile::serial) {
#pragma unroll 1
      for (int p = 0; p < plan.parts.value; ++p) {
        add_part(begin_of(p + 1));
        wgmma_wait<0>();
        wgmma_hold(sums);
#pragma unroll
        for (int e = 0; e < Tile::columns / 2; ++e) all_sums[e] += static_cast<float>(sums[e]);
      }
    } else {
      add_part(count);
    }
    if (eight_bits)
      factors[row_of_factor] = own_factor;
    else if (epilogue.normed && straight)
      factors[row_of_factor] = inverse_deviation(epilogue, moments.x, moments.y);
    wgmma_wait<0>();
    wgmma_hold(sums);
    if constexpr (eight_bits)
#pragma unroll
      for (int i = 0; i < biases; ++i)
        if (const int column = thread + i * Tile::consumers * 128; column < Tile::columns)
          scales[column] = own_scale[i];
    if (in_eights)
#pragma unroll
      for (int i = 0; i < biases; ++i)
        if (const int column = thread + i * Tile::consumers * 128; column < Tile::columns)
          bias[column] = own_bias[i];
    // All multiply from the same stages, which the sums are about to overwrite.
    meet<Tile::consumers * 128>(1);
    if (straight) {
      store_warpgroup<Tile::columns>(
          epilogue, group, bias, eight_bits || epilogue.normed ? factors + warpgroup * 64 : nullptr,
          eight_bits ? scales : nullptr, one_of<Tile::serial>(all_sums, sums),
          reinterpret_cast<T*>(shared) + warpgroup * 64 * (Tile::columns + 8),
          int64_t{plan.upsample ? 0 : group} * plan.rows + first_row + warpgroup * 64,
          plan.rows - first_row - warpgroup * 64, first_column, warpgroup);
      return;
    }
    if (thread < parts && thread != part)
      barrier_arrive(ready, neighbours.rank(neighbours.x, neighbours.y, thread));
    const int row = warpgroup * 64 + thread % 128 / 32 * 16 + thread % 32 / 4;
    const int column = thread % 4 * 2;
#pragma unroll
    for (int i = 0; i < Tile::columns / 8; ++i) {
      float2* at = reinterpret_cast<float2*>(tile + row * Tile::pitch + i * 8 + column);
      const auto two = [&](int e) {
        return make_float2(static_cast<float>(sums[i * 4 + e]),
                           static_cast<float>(sums[i * 4 + e + 1]));
      };
      at[0] = two(0);
      at[4 * Tile::pitch] = two(2);
    }
    if (!eight_bits && epilogue.normed)
      *reinterpret_cast<float2*>(tile + row_of_factor * Tile::pitch + Tile::columns) = moments;
    make_writes_visible();
  }

  if constexpr (Tile::serial) return;
  // Results that the straight epilogue cannot store, and parts of the depth: from shared memory.
  if (straight || (parts == 1 && warpgroup == Tile::consumers)) return;
  wait_for_previous();
  if (parts == 1)
    meet<Tile::consumers * 128>(1);
  else
    __syncthreads();
  const int begin_row = Tile::first_of_share(part, parts),
            end_row = Tile::first_of_share(part + 1, parts);
  constexpr int row_bytes = Tile::pitch * 4;
  const int slot = Tile::most_of_share(parts) * Tile::pitch;  // of each of the others
  float* slots = tile + Tile::rows * Tile::pitch;
  if (parts > 1 && warp == 0) {
    barrier_arrive_expecting(received, (parts - 1) * (end_row - begin_row) * row_bytes);
    barrier_wait(ready, 0);
    for (int p = 0; p < parts; ++p) {
      if (p == part) continue;
      const int first = Tile::first_of_share(p, parts);
      copy_to_block(slots + (part < p ? part : part - 1) * slot, tile + first * Tile::pitch,
                    (Tile::first_of_share(p + 1, parts) - first) * row_bytes, received,
                    neighbours.rank(neighbours.x, neighbours.y, p));
    }
  }
  const auto sum = [&](int row, int column, float(&values)[8]) {  // -> their factor
#pragma unroll
    for (int e = 0; e < 8; ++e) values[e] = 0;
    float2 moments{};
    for (int p = 0; p < parts; ++p) {
      const float* from =
          p == part ? tile + row * Tile::pitch
                    : slots + (p < part ? p : p - 1) * slot + (row - begin_row) * Tile::pitch;
      const float4 low = *reinterpret_cast<const float4*>(from + column),
                   high = *reinterpret_cast<const float4*>(from + column + 4);
      values[0] += low.x, values[1] += low.y, values[2] += low.z, values[3] += low.w;
      values[4] += high.x, values[5] += high.y, values[6] += high.z, values[7] += high.w;
      if (!eight_bits && epilogue.normed)
        moments.x += from[Tile::columns], moments.y += from[Tile::columns + 1];
    }
    if constexpr (eight_bits) {
#pragma unroll
      for (int e = 0; e < 8; ++e) values[e] *= scales[column + e];
      return factors[row];
    }
    return epilogue.normed ? inverse_deviation(epilogue, moments.x, moments.y) : 1.0f;
  };
  const int64_t row_of_result = int64_t{plan.upsample ? 0 : group} * plan.rows + first_row;
  const int rows = plan.rows - first_row;
  if (in_eights) {
    store_share<Tile::columns>(epilogue, group, bias, row_of_result, rows, begin_row, end_row,
                               first_column, Tile::threads, received, sum);
  } else {
    if (parts > 1) {
      barrier_wait(received, 0);
      __syncwarp();
      cluster_arrive();
    }
    store_tile(epilogue, group, row_of_result, rows, begin_row, end_row, first_column,
               Tile::columns, thread, parts == 1 ? Tile::consumers * 128 : Tile::threads,
               [&](int row, int column, float(&values)[8]) {
                 const float factor = sum(row, column, values);
#pragma unroll
                 for (float& value : values) value *= factor;
               });
  }
  if (parts == 1) return;
  __syncwarp();
  cluster_wait();  // nobody leaves before what it sends has arrived
#endif
}

template <class Tile, class In, class T>
void add(std::vector<HopperKernel<T>>& kernels) {
  kernels.push_back({Tile::rows, Tile::columns, Tile::stages,
                     Tile::serial ? most_serial_parts : Tile::most_parts(), Tile::serial,
                     Tile::threads, Tile::shared_bytes, gemm_sm90<Tile, In, T>});
}

}  // namespace drypoint::cuda

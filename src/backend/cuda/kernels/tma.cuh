// Hopper's copy engine and the barriers it completes on. PTX ISA, "cp.async.bulk.tensor",
// "mbarrier".
#pragma once

#include <cuda.h>

#include <cstdint>

#include "backend/cuda/kernels/mma.cuh"

namespace drypoint::cuda {

__device__ inline void barrier_init(uint64_t* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(arrivals));
}
/// Makes initialised barriers known to the copy engine.
__device__ inline void barrier_init_done() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ inline void barrier_arrive(uint64_t* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier))
               : "memory");
}
/// At the same barrier of another block of the cluster.
__device__ inline void barrier_arrive(uint64_t* barrier, int rank) {
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [there];\n"
      "}\n" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
}
/// One lane of a warp does this, as it does the copies below: all lanes come here together, so that
/// what they copy is known to be the same for all, and is worked out once for the warp.
#define DRYPOINT_ONE_LANE "{\n.reg .pred one;\nelect.sync _|one, 0xffffffff;\n@one "
__device__ inline void barrier_arrive_expecting(uint64_t* barrier, int bytes) {
  asm volatile(DRYPOINT_ONE_LANE "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n}" ::"r"(
                   shared_address(barrier)),
               "r"(bytes)
               : "memory");
}
__device__ inline void barrier_wait(uint64_t* barrier, int parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}\n" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

__device__ inline void prefetch_map(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}
/// A box of a matrix: `x` elements into row `y`. `blocks`: a bit for each block of the cluster
/// whose shared memory gets it, at the same place, and whose barrier is told; 0: just this one.
__device__ inline void copy_box(const CUtensorMap* map, void* to, uint64_t* barrier, int x, int y,
                                int blocks = 0) {
  if (blocks == 0)
    asm volatile(
        DRYPOINT_ONE_LANE
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
        "{%2, %3}], [%4];\n}" ::"r"(shared_address(to)),
        "l"(map), "r"(x), "r"(y), "r"(shared_address(barrier))
        : "memory");
  else
    asm volatile(DRYPOINT_ONE_LANE
                 "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
                 ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;\n}" ::"r"(shared_address(to)),
                 "l"(map), "r"(x), "r"(y), "r"(shared_address(barrier)),
                 "h"(static_cast<uint16_t>(blocks))
                 : "memory");
}
/// Some channels of a row of windows' pixels, each under the tap (`tap_x`, `tap_y`): im2col.
__device__ inline void copy_windows(const CUtensorMap* map, void* to, uint64_t* barrier,
                                    int channel, int x, int y, int picture, int tap_x, int tap_y,
                                    int blocks = 0) {
  if (blocks == 0)
    asm volatile(
        DRYPOINT_ONE_LANE
        "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%2, %3, %4, %5}], [%6], {%7, %8};\n}" ::"r"(shared_address(to)),
        "l"(map), "r"(channel), "r"(x), "r"(y), "r"(picture), "r"(shared_address(barrier)),
        "h"(static_cast<uint16_t>(tap_x)), "h"(static_cast<uint16_t>(tap_y))
        : "memory");
  else
    asm volatile(
        DRYPOINT_ONE_LANE
        "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes"
        ".multicast::cluster [%0], [%1, {%2, %3, %4, %5}], [%6], {%7, %8}, %9;\n}" ::"r"(
            shared_address(to)),
        "l"(map), "r"(channel), "r"(x), "r"(y), "r"(picture), "r"(shared_address(barrier)),
        "h"(static_cast<uint16_t>(tap_x)), "h"(static_cast<uint16_t>(tap_y)),
        "h"(static_cast<uint16_t>(blocks))
        : "memory");
}

/// Orders no memory: what passes between blocks is told by barriers in shared memory, and a release
/// would wait for all that has been written to global memory as well.
__device__ inline void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
}
__device__ inline void cluster_wait() {
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}
__device__ inline void cluster_sync() {
  cluster_arrive();
  cluster_wait();
}
/// Where `pointer` of this block's shared memory lies in block `rank` of the cluster.
__device__ inline uint32_t address_in_cluster(const void* pointer, int rank) {
  uint32_t address;
  asm("mapa.shared::cluster.u32 %0, %1, %2;"
      : "=r"(address)
      : "r"(shared_address(pointer)), "r"(rank));
  return address;
}
/// Copies shared memory to the same block's or another's, of which `barrier` is told. In sixteens.
__device__ inline void copy_to_block(void* to, const void* from, int bytes, uint64_t* barrier,
                                     int rank) {
  asm volatile(
      DRYPOINT_ONE_LANE
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
      "\n}" ::"r"(address_in_cluster(to, rank)),
      "r"(shared_address(from)), "r"(bytes), "r"(address_in_cluster(barrier, rank))
      : "memory");
}
/// Stores sixteen bytes at `to` in block `rank`, and tells its barrier.
__device__ inline void send_to_block(void* to, float4 v, uint64_t* barrier, int rank) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, %3, %4}, "
      "[%5];" ::"r"(address_in_cluster(to, rank)),
      "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w), "r"(address_in_cluster(barrier, rank))
      : "memory");
}
/// Until `threads` of the block are here: whole warps, at a barrier from 1 to 15 (0 is that of
/// `__syncthreads()`).
template <int threads>
__device__ inline void meet(int barrier) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(threads) : "memory");
}
/// What this thread wrote to shared memory is there for the copy engine and the tensor units, which
/// have a way of their own to it.
__device__ inline void make_writes_visible() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

}  // namespace drypoint::cuda

// Hopper's warpgroup products: d (64 x N, f32, in registers) += a (64 x 16) b (N x 16)^T, both
// operands in shared memory, K-major, rows of 128 bytes in the 128-byte swizzle. PTX ISA,
// "wgmma.mma_async"; the descriptor's format is in its "Matrix Descriptor Format".
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace drypoint::cuda {

/// Of a tile whose first byte is at `address` (shared), in rows of 128 bytes, 8 rows an atom.
__device__ inline uint64_t wgmma_descriptor(uint32_t address) {
  constexpr uint64_t swizzle_128 = uint64_t{1} << 62;
  constexpr uint64_t stride_between_atoms = uint64_t{1024 >> 4} << 32;
  constexpr uint64_t unused_leading = uint64_t{1} << 16;
  return swizzle_128 | stride_between_atoms | unused_leading | ((address & 0x3ffff) >> 4);
}

__device__ inline void wgmma_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Until at most `pending` committed groups are still at work.
template <int pending>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

/// Of those that the block got at its start, a warpgroup takes more, or gives some away.
template <int registers>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ inline void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}

/// `accumulate` 0: d = a b^T.
template <int N, class T>
struct Wgmma;
/// The same with a (64 x 16) in registers, and b (16 x N) as its rows lie: not transposed, rows of
/// up to 64 columns in 128 bytes. `d` may be longer than N / 2.
template <int N, class T>
struct WgmmaByRows;

// An instruction names every register: `list` is that of d's, `...` the operands; those behind them
// have the numbers a, b and p.
#define DRYPOINT_WGMMA_OF(N, T, type, a_, b_, p_, list, ...)                                 \
  template <>                                                                                \
  struct Wgmma<N, T> {                                                                       \
    static __device__ void run(float (&d)[N / 2], uint64_t a, uint64_t b, int accumulate) {  \
      asm volatile("{.reg .pred p; setp.ne.b32 p, " p_                                       \
                   ", 0;\n"                                                                  \
                   "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." type "." type " {" list \
                   "}, " a_ ", " b_ ", p, 1, 1, 0, 0;}\n"                                    \
                   : __VA_ARGS__                                                             \
                   : "l"(a), "l"(b), "r"(accumulate));                                       \
    }                                                                                        \
  };
#define DRYPOINT_WGMMA(N, ...)                     \
  DRYPOINT_WGMMA_OF(N, __half, "f16", __VA_ARGS__) \
  DRYPOINT_WGMMA_OF(N, __nv_bfloat16, "bf16", __VA_ARGS__)

#define DRYPOINT_WGMMA_BY_ROWS_OF(N, T, type, a_, b_, list, ...)                             \
  template <>                                                                                \
  struct WgmmaByRows<N, T> {                                                                 \
    static __device__ void run(float (&d)[32], const uint32_t (&a)[4], uint64_t b) {         \
      asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." type "." type " {" list \
                   "}, {" a_ "}, " b_ ", 1, 1, 1, 1;\n"                                      \
                   : __VA_ARGS__                                                             \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                    \
    }                                                                                        \
  };
#define DRYPOINT_WGMMA_BY_ROWS(N, ...)                     \
  DRYPOINT_WGMMA_BY_ROWS_OF(N, __half, "f16", __VA_ARGS__) \
  DRYPOINT_WGMMA_BY_ROWS_OF(N, __nv_bfloat16, "bf16", __VA_ARGS__)

#define DRYPOINT_LIST_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define DRYPOINT_LIST_16 DRYPOINT_LIST_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define DRYPOINT_LIST_20 DRYPOINT_LIST_16 ", %16, %17, %18, %19"
#define DRYPOINT_LIST_32 \
  DRYPOINT_LIST_20 ", %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define DRYPOINT_LIST_40 DRYPOINT_LIST_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define DRYPOINT_LIST_48 DRYPOINT_LIST_40 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define DRYPOINT_LIST_64 \
  DRYPOINT_LIST_48       \
  ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define DRYPOINT_LIST_80                                         \
  DRYPOINT_LIST_64                                               \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75" \
  ", %76, %77, %78, %79"
#define DRYPOINT_LIST_128                                                    \
  DRYPOINT_LIST_80                                                           \
  ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91"             \
  ", %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103"         \
  ", %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115" \
  ", %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

#define DRYPOINT_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define DRYPOINT_D16(i) DRYPOINT_D4(i), DRYPOINT_D4(i + 4), DRYPOINT_D4(i + 8), DRYPOINT_D4(i + 12)
#define DRYPOINT_D64(i) \
  DRYPOINT_D16(i), DRYPOINT_D16(i + 16), DRYPOINT_D16(i + 32), DRYPOINT_D16(i + 48)

DRYPOINT_WGMMA(16, "%8", "%9", "%10", DRYPOINT_LIST_8, DRYPOINT_D4(0), DRYPOINT_D4(4))
DRYPOINT_WGMMA(64, "%32", "%33", "%34", DRYPOINT_LIST_32, DRYPOINT_D16(0), DRYPOINT_D16(16))
DRYPOINT_WGMMA(80, "%40", "%41", "%42", DRYPOINT_LIST_40, DRYPOINT_D16(0), DRYPOINT_D16(16),
               DRYPOINT_D4(32), DRYPOINT_D4(36))
DRYPOINT_WGMMA(96, "%48", "%49", "%50", DRYPOINT_LIST_48, DRYPOINT_D16(0), DRYPOINT_D16(16),
               DRYPOINT_D16(32))
DRYPOINT_WGMMA(128, "%64", "%65", "%66", DRYPOINT_LIST_64, DRYPOINT_D64(0))
DRYPOINT_WGMMA(160, "%80", "%81", "%82", DRYPOINT_LIST_80, DRYPOINT_D64(0), DRYPOINT_D16(64))
DRYPOINT_WGMMA(256, "%128", "%129", "%130", DRYPOINT_LIST_128, DRYPOINT_D64(0), DRYPOINT_D64(64))

DRYPOINT_WGMMA_BY_ROWS(16, "%8, %9, %10, %11", "%12", DRYPOINT_LIST_8, DRYPOINT_D4(0),
                       DRYPOINT_D4(4))
DRYPOINT_WGMMA_BY_ROWS(32, "%16, %17, %18, %19", "%20", DRYPOINT_LIST_16, DRYPOINT_D16(0))
DRYPOINT_WGMMA_BY_ROWS(40, "%20, %21, %22, %23", "%24", DRYPOINT_LIST_20, DRYPOINT_D16(0),
                       DRYPOINT_D4(16))
DRYPOINT_WGMMA_BY_ROWS(64, "%32, %33, %34, %35", "%36", DRYPOINT_LIST_32, DRYPOINT_D16(0),
                       DRYPOINT_D16(16))

#undef DRYPOINT_WGMMA_OF
#undef DRYPOINT_WGMMA
#undef DRYPOINT_WGMMA_BY_ROWS_OF
#undef DRYPOINT_WGMMA_BY_ROWS
#undef DRYPOINT_LIST_8
#undef DRYPOINT_LIST_16
#undef DRYPOINT_LIST_20
#undef DRYPOINT_LIST_32
#undef DRYPOINT_LIST_40
#undef DRYPOINT_LIST_48
#undef DRYPOINT_LIST_64
#undef DRYPOINT_LIST_80
#undef DRYPOINT_LIST_128
#undef DRYPOINT_D4
#undef DRYPOINT_D16
#undef DRYPOINT_D64

}  // namespace drypoint::cuda

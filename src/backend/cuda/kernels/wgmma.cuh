// Hopper's warpgroup products: d (64 x N, in registers) += a (64 x 16) b (N x 16)^T, both operands
// in shared memory, K-major, rows of 128 bytes in the 128-byte swizzle. PTX ISA,
// "wgmma.mma_async"; the descriptor's format is in its "Matrix Descriptor Format".
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

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

/// What products have left can be read from here on. (The compiler sees where registers are
/// written, not that this is waited for, and would convert integers' sums ahead of it.)
template <int count>
__device__ inline void wgmma_hold(int (&sums)[count]) {
  static_assert(count % 8 == 0);
#pragma unroll
  for (int i = 0; i < count; i += 8)
    asm volatile(""
                 : "+r"(sums[i]), "+r"(sums[i + 1]), "+r"(sums[i + 2]), "+r"(sums[i + 3]),
                   "+r"(sums[i + 4]), "+r"(sums[i + 5]), "+r"(sums[i + 6]), "+r"(sums[i + 7]));
}
template <int count>
__device__ inline void wgmma_hold(float (&)[count]) {}

/// Of those that the block got at its start, a warpgroup takes more, or gives some away.
template <int registers>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ inline void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}

/// `accumulate` 0: d = a b^T. Of operands of one byte, a is 64 x 32 and b N x 32; integers' sums
/// are integers.
template <int N, class T>
struct Wgmma;
/// The same with a (64 x 16) in registers, and b (16 x N) as its rows lie: not transposed, rows of
/// up to 64 columns in 128 bytes. `d` may be longer than N / 2.
template <int N, class T>
struct WgmmaByRows;

// An instruction names every register: `list` is that of d's, `registers(kind)` the operands; those
// behind them have the numbers a, b and p.
#define DRYPOINT_WGMMA_OF(N, T, S, kind, types, flags, a_, b_, p_, list, registers)        \
  template <>                                                                              \
  struct Wgmma<N, T> {                                                                     \
    using Sum = S;                                                                         \
    static __device__ void run(S (&d)[N / 2], uint64_t a, uint64_t b, int accumulate) {    \
      asm volatile("{.reg .pred p; setp.ne.b32 p, " p_                                     \
                   ", 0;\n"                                                                \
                   "wgmma.mma_async.sync.aligned.m64n" #N types " {" list "}, " a_ ", " b_ \
                   ", p" flags ";}\n"                                                      \
                   : registers(kind)                                                       \
                   : "l"(a), "l"(b), "r"(accumulate));                                     \
    }                                                                                      \
  };
#define DRYPOINT_WGMMA(N, ...)                                                                 \
  DRYPOINT_WGMMA_OF(N, __half, float, "+f", "k16.f32.f16.f16", ", 1, 1, 0, 0", __VA_ARGS__)    \
  DRYPOINT_WGMMA_OF(N, __nv_bfloat16, float, "+f", "k16.f32.bf16.bf16", ", 1, 1, 0, 0",        \
                    __VA_ARGS__)                                                               \
  DRYPOINT_WGMMA_OF(N, __nv_fp8_e4m3, float, "+f", "k32.f32.e4m3.e4m3", ", 1, 1", __VA_ARGS__) \
  DRYPOINT_WGMMA_OF(N, int8_t, int, "+r", "k32.s32.s8.s8", "", __VA_ARGS__)

#define DRYPOINT_WGMMA_BY_ROWS_OF(N, T, type, a_, b_, list, registers)                       \
  template <>                                                                                \
  struct WgmmaByRows<N, T> {                                                                 \
    static __device__ void run(float (&d)[32], const uint32_t (&a)[4], uint64_t b) {         \
      asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." type "." type " {" list \
                   "}, {" a_ "}, " b_ ", 1, 1, 1, 1;\n"                                      \
                   : registers("+f")                                                         \
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

#define DRYPOINT_D4(k, i) k(d[i]), k(d[i + 1]), k(d[i + 2]), k(d[i + 3])
#define DRYPOINT_D8(k, i) DRYPOINT_D4(k, i), DRYPOINT_D4(k, i + 4)
#define DRYPOINT_D16(k, i) DRYPOINT_D8(k, i), DRYPOINT_D8(k, i + 8)
#define DRYPOINT_D32(k, i) DRYPOINT_D16(k, i), DRYPOINT_D16(k, i + 16)
#define DRYPOINT_D64(k, i) DRYPOINT_D32(k, i), DRYPOINT_D32(k, i + 32)
#define DRYPOINT_ALL_8(k) DRYPOINT_D8(k, 0)
#define DRYPOINT_ALL_16(k) DRYPOINT_D16(k, 0)
#define DRYPOINT_ALL_20(k) DRYPOINT_D16(k, 0), DRYPOINT_D4(k, 16)
#define DRYPOINT_ALL_32(k) DRYPOINT_D32(k, 0)
#define DRYPOINT_ALL_40(k) DRYPOINT_D32(k, 0), DRYPOINT_D8(k, 32)
#define DRYPOINT_ALL_48(k) DRYPOINT_D32(k, 0), DRYPOINT_D16(k, 32)
#define DRYPOINT_ALL_64(k) DRYPOINT_D64(k, 0)
#define DRYPOINT_ALL_80(k) DRYPOINT_D64(k, 0), DRYPOINT_D16(k, 64)
#define DRYPOINT_ALL_128(k) DRYPOINT_D64(k, 0), DRYPOINT_D64(k, 64)

DRYPOINT_WGMMA(16, "%8", "%9", "%10", DRYPOINT_LIST_8, DRYPOINT_ALL_8)
DRYPOINT_WGMMA(64, "%32", "%33", "%34", DRYPOINT_LIST_32, DRYPOINT_ALL_32)
DRYPOINT_WGMMA(80, "%40", "%41", "%42", DRYPOINT_LIST_40, DRYPOINT_ALL_40)
DRYPOINT_WGMMA(96, "%48", "%49", "%50", DRYPOINT_LIST_48, DRYPOINT_ALL_48)
DRYPOINT_WGMMA(128, "%64", "%65", "%66", DRYPOINT_LIST_64, DRYPOINT_ALL_64)
DRYPOINT_WGMMA(160, "%80", "%81", "%82", DRYPOINT_LIST_80, DRYPOINT_ALL_80)
DRYPOINT_WGMMA(256, "%128", "%129", "%130", DRYPOINT_LIST_128, DRYPOINT_ALL_128)

DRYPOINT_WGMMA_BY_ROWS(16, "%8, %9, %10, %11", "%12", DRYPOINT_LIST_8, DRYPOINT_ALL_8)
DRYPOINT_WGMMA_BY_ROWS(32, "%16, %17, %18, %19", "%20", DRYPOINT_LIST_16, DRYPOINT_ALL_16)
DRYPOINT_WGMMA_BY_ROWS(40, "%20, %21, %22, %23", "%24", DRYPOINT_LIST_20, DRYPOINT_ALL_20)
DRYPOINT_WGMMA_BY_ROWS(64, "%32, %33, %34, %35", "%36", DRYPOINT_LIST_32, DRYPOINT_ALL_32)

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
#undef DRYPOINT_D8
#undef DRYPOINT_D16
#undef DRYPOINT_D32
#undef DRYPOINT_D64
#undef DRYPOINT_ALL_8
#undef DRYPOINT_ALL_16
#undef DRYPOINT_ALL_20
#undef DRYPOINT_ALL_32
#undef DRYPOINT_ALL_40
#undef DRYPOINT_ALL_48
#undef DRYPOINT_ALL_64
#undef DRYPOINT_ALL_80
#undef DRYPOINT_ALL_128

}  // namespace drypoint::cuda

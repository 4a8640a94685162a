// The instructions of the portable kernels: copies to shared memory beside other work, factors from
// there to registers, and small products of the tensor units.
#pragma once

#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {

__device__ inline uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

/// 16 bytes from device memory to shared memory, or zeros: then nothing is read. (Compute
/// capability 7.5 has no such copies: there they are made at once, through registers.)
__device__ inline void copy_async(uint32_t to, const void* from, bool there) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
               "r"(there ? 16 : 0)
               : "memory");
#else
  const uint4 v = there ? *static_cast<const uint4*>(from) : uint4{};
  asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
#endif
}
__device__ inline void copy_async(void* to, const void* from, bool there) {
  copy_async(shared_address(to), from, there);
}
__device__ inline void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int pending>
__device__ inline void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

__device__ inline uint2 load_shared_two(uint32_t from) {
  uint2 v;
  asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(from) : "memory");
  return v;
}
__device__ inline void load_matrices(uint32_t (&r)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
__device__ inline void load_matrices(uint32_t (&r)[4], const void* row) {
  load_matrices(r, shared_address(row));
}
__device__ inline void load_matrices_transposed(uint32_t (&r)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
/// The first two alone, of which lanes 0 to 15 say the rows.
__device__ inline void load_two_matrices_transposed(uint32_t (&r)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row)
               : "memory");
}
__device__ inline void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  load_matrices_transposed(r, shared_address(row));
}

/// Whether the tensor units take factors of this type: halves from compute capability 7.5 on, f8
/// from 8.9, others from 8.0.
#ifdef __CUDA_ARCH__
constexpr int capability = __CUDA_ARCH__;
#else
constexpr int capability = 0;
#endif
template <class In>
constexpr bool has_mma = capability >= (std::is_same_v<In, half>     ? 750
                                        : std::is_same_v<In, float8> ? 890
                                                                     : 800);

/// What products of operands of this type are added up in.
template <class In>
using SumOf = std::conditional_t<std::is_same_v<In, int8_t>, int, float>;

/// d (16 x 8) += a (16 x 8) b (8 x 8)^T
template <class T>
__device__ inline void mma_half_depth(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t b) {
  if constexpr (std::is_same_v<T, half>)
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(b));
  else if constexpr (has_mma<T>)
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(b));
}

/// d (16 x 8) += a (16 x n) b (8 x n)^T, 32 bytes of the depth: n is 16 or, of eight bits, 32.
template <class In>
__device__ inline void mma(SumOf<In> (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
template <>
__device__ inline void mma<half>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (capability >= 800) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    mma_half_depth<half>(d, a[0], a[1], b0);
    mma_half_depth<half>(d, a[2], a[3], b1);
  }
}
template <>
__device__ inline void mma<bfloat16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                     uint32_t b1) {
  if constexpr (has_mma<bfloat16>)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <>
__device__ inline void mma<int8_t>(int (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (has_mma<int8_t>)
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <>
__device__ inline void mma<float8>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                   uint32_t b1) {
  if constexpr (has_mma<float8>)
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Rounded to 11 bits. (`cvt.rna.tf32` gives the same, and is slow.)
__device__ inline uint32_t to_tf32(uint32_t bits) { return (bits + 0x1000u) & 0xffffe000u; }
__device__ inline void mma_tf32(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (has_mma<float>)
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// f32 factors as the tensor units take them: 11 bits of each, and unless the form is short the
/// next 11.
template <int count, bool is_short>
struct SplitFactors {
  uint32_t high[count], rest[is_short ? 1 : count];

  __device__ void set(int i, uint32_t bits) {
    high[i] = to_tf32(bits);
    if constexpr (!is_short)
      rest[i] = to_tf32(__float_as_uint(__uint_as_float(bits) - __uint_as_float(high[i])));
  }
};
/// d (16 x 8) += a (16 x 8) b (8 x 8)^T
template <bool is_short>
__device__ inline void mma_f32(float (&d)[4], const SplitFactors<4, is_short>& a,
                               const SplitFactors<2, is_short>& b) {
  if constexpr (!is_short) {
    mma_tf32(d, a.rest, b.high[0], b.high[1]);
    mma_tf32(d, a.high, b.rest[0], b.rest[1]);
  }
  mma_tf32(d, a.high, b.high[0], b.high[1]);
}

}  // namespace drypoint::cuda

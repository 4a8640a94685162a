// Element types on the device: conversion, 16-byte vectors, activations, dispatch.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <iterator>

#include "backend/cuda/context.h"
#include "ops/activation.h"

namespace drypoint::cuda {

using half = __half;
using bfloat16 = __nv_bfloat16;

template <class T>
constexpr DType dtype_of = DType::f32;
template <>
inline constexpr DType dtype_of<half> = DType::f16;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(half x) { return __half2float(x); }
__device__ inline float to_float(bfloat16 x) { return __bfloat162float(x); }

template <class T>
__device__ inline T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline half from_float<half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline bfloat16 from_float<bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/// Two neighbours as one word.
template <class T>
__device__ inline uint32_t pack_two(float a, float b);
template <>
__device__ inline uint32_t pack_two<half>(float a, float b) {
  const __half2 two = __floats2half2_rn(a, b);
  return reinterpret_cast<const uint32_t&>(two);
}
template <>
__device__ inline uint32_t pack_two<bfloat16>(float a, float b) {
  const __nv_bfloat162 two = __floats2bfloat162_rn(a, b);
  return reinterpret_cast<const uint32_t&>(two);
}

/// 16 bytes: how memory is read and written.
template <class T>
struct alignas(16) Vector {
  static constexpr int size = 16 / sizeof(T);
  T values[size];
};

template <class T>
__device__ inline Vector<T> load_vector(const T* from) {
  return *reinterpret_cast<const Vector<T>*>(from);
}
template <class T>
__device__ inline void store_vector(T* to, const Vector<T>& vector) {
  *reinterpret_cast<Vector<T>*>(to) = vector;
}

/// Eight values of two bytes.
template <class T>
__device__ inline Vector<T> to_vector(const float (&values)[8]) {
  Vector<T> v;
#pragma unroll
  for (int e = 0; e < 8; e += 2)
    reinterpret_cast<uint32_t*>(v.values)[e / 2] = pack_two<T>(values[e], values[e + 1]);
  return v;
}

/// Divides what is not negative by one number, without dividing: times 2^(32 + shift) / value,
/// rounded up, over 2^(32 + shift). Exact, since 2^(shift + 1) is not below the value
/// (https://gmplib.org/~tege/divcnst-pldi94.pdf).
struct Divisor {
  int value, shift = 0;
  uint32_t factor = 0;

  Divisor() : Divisor(1) {}
  explicit Divisor(int value) : value(value) {
    if (value == 1) return;
    while ((int64_t{2} << shift) < value) ++shift;
    factor = static_cast<uint32_t>(((uint64_t{1} << (32 + shift)) + value - 1) / value);
  }
  __device__ int divide(int n) const {
    return value == 1 ? n : static_cast<int>(__umulhi(static_cast<uint32_t>(n), factor) >> shift);
  }
  __device__ int divide(int n, int& rest) const {
    const int quotient = divide(n);
    rest = n - quotient * value;
    return quotient;
  }
};

// One lookup each. (exp2f and __fdividef take three times as much, for results below the smallest
// normal number and divisors above 2^126, which here become 0.)
__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float reciprocal_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
constexpr float log2_of_e = 1.44269504f;

/// 1 / (1 + exp(-steepness x)).
__device__ inline float sigmoid(float x, float steepness = 1) {
  return reciprocal_fast(1.0f + exp2_fast(x * (steepness * -log2_of_e)));
}

__device__ inline float activate(ActivationKind kind, float x) {
  switch (kind) {
    case ActivationKind::none: return x;
    case ActivationKind::silu: return x * sigmoid(x);
    case ActivationKind::gelu: return x * normcdff(x);
    case ActivationKind::relu: return fmaxf(x, 0.0f);
    case ActivationKind::quick_gelu: return x * sigmoid(x, 1.702f);
  }
  return x;
}
/// For half precision, within 1e-5 and in a few instructions: the normal distribution's probability
/// is that of a logistic distribution of x times a polynomial of x^2 (fitted).
__device__ inline float gelu_fast(float x) {
  const float z = x * x;
  const float odds =
      -2.30183716f +
      z * (-0.10554446f + z * (4.85749278e-4f + z * (7.11457781e-5f + z * -2.51020664e-6f)));
  return x * reciprocal_fast(1.0f + exp2_fast(x * odds));
}
__device__ inline float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }

/// `activate` for several values, choosing once; with `fast`, gelu is `gelu_fast`.
template <bool fast = false, int count>
__device__ inline void activate_all(ActivationKind kind, float (&values)[count]) {
  static_assert(std::size(activations) == 5, "each kind has a branch here");
  if (kind == ActivationKind::none) return;
  if (kind == ActivationKind::relu) {
#pragma unroll
    for (float& x : values) x = fmaxf(x, 0.0f);
  } else if (kind == ActivationKind::gelu) {
#pragma unroll
    for (float& x : values) x = fast ? gelu_fast(x) : x * normcdff(x);
  } else {
    const float steepness = kind == ActivationKind::silu ? 1.0f : 1.702f;
#pragma unroll
    for (float& x : values) x = x * sigmoid(x, steepness);
  }
}

/// Before anything is read that another kernel wrote, or written that one may still read.
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Lets the next kernel begin as soon as there is room.
__device__ inline void let_next_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

/// Calls `body` with a value of the element type.
template <class Body>
auto with_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f16: return body(half());
    case DType::bf16: return body(bfloat16());
    case DType::f32: return body(float());
    default: fail(ErrorKind::unsupported, "{} on device cuda", name(dtype));
  }
}

}  // namespace drypoint::cuda

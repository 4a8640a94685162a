// Results that are rounded to eight bits as they are stored.
#pragma once

#include <cuda_fp8.h>

#include <algorithm>

#include "backend/cuda/kernels/numeric.cuh"
#include "tensor/tensor.h"

namespace drypoint::cuda {

using float8 = __nv_fp8_e4m3;

template <>
inline constexpr DType dtype_of<float8> = DType::f8;
template <>
inline constexpr DType dtype_of<int8_t> = DType::i8;

template <>
__device__ inline float8 from_float<float8>(float x) {
  return float8(x);
}

/// Calls `body` with a value of a product's operands' type.
template <class Body>
auto with_operand_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f8: return body(float8());
    case DType::i8: return body(int8_t());
    default: return with_type(dtype, body);
  }
}

/// What an operation's `quantize` asks for. Without scales, results stay as they are.
struct EightBits {
  const float* scales = nullptr;  // [K], of K equal shares of the result's rows
  Divisor rows_of_share;
  bool integer = false;  // i8, else f8

  /// What the results of a row are multiplied by.
  __device__ float factor(int row) const {
    return scales ? 1.0f / scales[rows_of_share.divide(row)] : 1.0f;
  }
};

/// `scales` [K] are of K equal shares of so many rows. (Where one of several pictures is asked for
/// alone, to see how it would be computed, there may be fewer rows.)
inline Divisor rows_of_scale(const TensorType& scales, int64_t rows) {
  return Divisor(static_cast<int>(std::max<int64_t>(rows / scales.shape[0], 1)));
}
/// But for the scales themselves.
inline EightBits eight_bits_of(DType to, const TensorType& scales, int64_t rows) {
  return {nullptr, rows_of_scale(scales, rows), to == DType::i8};
}

/// As one byte each, the first in the lowest: rounded to nearest, ties to even, and cut to what
/// there is.
__device__ inline uint32_t to_two_bytes(bool integer, float a, float b) {
  if (!integer) return __nv_cvt_float2_to_fp8x2(make_float2(a, b), __NV_SATFINITE, __NV_E4M3);
  // Of 1.5 * 2^23 the last bit is 1: a number added to it is rounded, and the low byte of the sum
  // is the integer. (There are four times as many units that add as that convert.)
  const auto byte = [](float x) {
    return __float_as_uint(fminf(fmaxf(x, -127.0f), 127.0f) + 0x1.8p23f) & 0xff;
  };
  return byte(a) | byte(b) << 8;
}

/// One value to place `at` of a result.
template <class T>
__device__ inline void store_one(const EightBits& to, T* out, int64_t at, float value,
                                 float factor) {
  if (to.scales)
    reinterpret_cast<uint8_t*>(out)[at] =
        static_cast<uint8_t>(to_two_bytes(to.integer, value * factor, 0));
  else
    out[at] = from_float<T>(value);
}

/// Two neighbours.
template <class T>
__device__ inline void store_two(const EightBits& to, T* out, int64_t at, float a, float b,
                                 float factor) {
  if (to.scales)
    *reinterpret_cast<uint16_t*>(reinterpret_cast<uint8_t*>(out) + at) =
        static_cast<uint16_t>(to_two_bytes(to.integer, a * factor, b * factor));
  else if constexpr (sizeof(T) == 2)
    *reinterpret_cast<uint32_t*>(out + at) = pack_two<T>(a, b);
  else
    *reinterpret_cast<float2*>(out + at) = make_float2(a, b);
}

/// Four or eight neighbours, as whole vectors.
template <class T, int count>
__device__ inline void store_values(const EightBits& to, T* out, int64_t at,
                                    const float (&values)[count], float factor) {
  if (to.scales) [[unlikely]] {  // out of the way of those that are in a hurry
    uint32_t words[count / 4];
#pragma unroll
    for (int i = 0; i < count / 4; ++i) {
      const float* four = values + i * 4;
      words[i] = to_two_bytes(to.integer, four[0] * factor, four[1] * factor) |
                 to_two_bytes(to.integer, four[2] * factor, four[3] * factor) << 16;
    }
    uint8_t* place = reinterpret_cast<uint8_t*>(out) + at;
    if constexpr (count == 8)
      *reinterpret_cast<uint2*>(place) = make_uint2(words[0], words[1]);
    else
      *reinterpret_cast<uint32_t*>(place) = words[0];
  } else {
    constexpr int size = Vector<T>::size;
#pragma unroll
    for (int first = 0; first < count; first += size) {
      Vector<T> v;
#pragma unroll
      for (int i = 0; i < size; ++i) v.values[i] = from_float<T>(values[first + i]);
      store_vector(out + at + first, v);
    }
  }
}

}  // namespace drypoint::cuda

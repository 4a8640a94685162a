// What the ways of computing a group norm have in common. Variances come from deviations from a
// pivot, the group's first element, so that a large mean costs no digits.
#pragma once

#include "backend/cuda/kernels/eight_bits.cuh"

namespace drypoint::cuda {

struct GroupNormShape {
  int samples, pixels, channels, groups, group_size;
  int samples_of_picture;  // how a sample is cut follows from one picture's
  int samples_of_weights;  // that share gamma and beta
  float epsilon;
  ActivationKind activation;
  EightBits to;  // whose shares are whole samples

  __device__ float factor_of_sample(int sample) const { return to.factor(sample * pixels); }
};

/// x and, where concatenated, what continues its rows. A thread's channels come from one of the
/// two.
template <class T>
struct Source {
  const T *x, *rest;
  int own;  // channels of x

  /// The first pixel's elements from `channel` on, and how far the next pixel's are.
  struct Column {
    const T* from;
    int64_t pitch;
    __device__ const T* operator[](int64_t pixel) const { return from + pixel * pitch; }
  };
  __device__ Column column(int channel, int channels) const {
    return channel < own ? Column{x + channel, own} : Column{rest + channel - own, channels - own};
  }
};

struct Moments {
  float sum, squares;  // of deviations from the pivot, and of their squares
};

/// Of one channel. Not joined to x * scale + shift, which would cancel where the variance is small.
struct Factors {
  float mean, scale, shift;

  __device__ float operator()(float x) const { return (x - mean) * scale + shift; }
};

__device__ inline Factors factors_of(Moments total, float pivot, float count, float epsilon,
                                     float gamma, float beta) {
  const float mean = total.sum / count;  // of the deviations
  const float variance = fmaxf(total.squares / count - mean * mean, 0.0f);
  return {pivot + mean, rsqrtf(variance + epsilon) * gamma, beta};
}

/// Stores a vector of x, normed, at place `at` of y. `activate` changes its values.
template <class T, class Activate>
__device__ inline void store_normed(const EightBits& to, T* y, int64_t at, const Vector<T>& x,
                                    const Factors (&factors)[Vector<T>::size],
                                    const Activate& activate, float factor) {
  constexpr int size = Vector<T>::size;
  float values[size];
#pragma unroll
  for (int i = 0; i < size; ++i) values[i] = factors[i](to_float(x.values[i]));
  activate(values);
  store_values(to, y, at, values, factor);
}

/// Calls `body` with what `store_normed` takes, so that a loop knows its activation and is short.
template <class Body>
__device__ inline void with_activation(ActivationKind kind, const Body& body) {
  if (kind == ActivationKind::none)
    body([](auto&) {});
  else if (kind == ActivationKind::silu)
    body([](auto& values) {
#pragma unroll
      for (float& x : values) x = x * sigmoid(x);
    });
  else
    body([kind](auto& values) { activate_all(kind, values); });
}

}  // namespace drypoint::cuda

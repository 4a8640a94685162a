// Operations of eight bits as the same operations in float32, for backends that compute in that.
#pragma once

#include "backend/backend.h"
#include "tensor/tensor.h"

namespace drypoint {

/// An operation without what it has for eight bits.
struct InFloats {
  Op op;
  std::vector<int> inputs;      ///< those that are left, as numbered before
  int input_scales = -1;        ///< of input 0, which is of eight bits
  int output_scales = -1;       ///< by which the result is to be rounded ...
  DType quantize = DType::f32;  ///< ... to this
  bool is_same() const { return input_scales < 0 && output_scales < 0; }
};
InFloats in_floats(const Op& op, size_t inputs);
/// The request for it, which must not outlive `plain`.
KernelRequest request_in_floats(const InFloats& plain, const KernelRequest& request);

/// What the result of an operation is made of where all numbers are f32.
DType result_in_floats(const Op& op);

/// The weight that is left when each of its rows was rounded to eight bits by a scale of its own.
Tensor as_rounded(const Tensor& weight, DType eight_bits);

/// `count` values of eight bits times the scales [K] of K equal shares of them -> f32, and back.
/// For elements from `begin` on of `count`, so that several threads can share the work.
void dequantize(const uint8_t* from, DType eight_bits, const float* scales, int64_t shares,
                int64_t count, int64_t begin, int64_t end, float* to);
void quantize(const float* from, DType eight_bits, const float* scales, int64_t shares,
              int64_t count, int64_t begin, int64_t end, uint8_t* to);

}  // namespace drypoint

// Runs one operation on a backend, and makes inputs for it.
#pragma once

#include <gtest/gtest.h>

#include "backend/backend.h"
#include "support/test_support.h"

namespace drypoint::testing {

/// Backends under test, made once: the CPU's, with factors of f32 and of bf16, and where there is a
/// GPU, that in each of its precisions. All are compared with the first, the reference.
const std::vector<const Backend*>& backends();
const Backend& reference();
/// One that computes in this.
bool has_gpu(DType precision);

/// Products of operands of this type of eight bits.
bool has_type(const Backend& backend, DType type);

/// How far from the reference a backend may be, as a part of the largest magnitude.
double tolerance(const Backend& backend, const Op& op);

/// What `run` runs.
std::unique_ptr<Kernel> kernel_for(const Backend& backend, const Op& op,
                                   const std::vector<Tensor>& inputs,
                                   const std::vector<bool>& constant, int64_t pictures = 1);

/// Where the result goes.
enum class Output { own_memory, in_place };

/// Runs `op` in the backend's precision (the result is f32 again, bytes too), packing the inputs
/// that are marked constant. The result's memory and the workspace are filled with NaN first, and
/// watched for writes past their end. As many `pictures` share the result's rows.
Tensor run(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs,
           const std::vector<bool>& constant, Output output = Output::own_memory,
           int64_t pictures = 1);

/// The instruction sets of our own vector code that run here, the best first.
std::vector<int64_t> vector_targets();

/// Restricts the vector code of all tests of this program to what DRYPOINT_TEST_ISA names, if it is
/// set: AVX2, or portable.
void hold_to_instruction_set();

/// Restricts our vector code to one of them.
class OnTarget {
 public:
  explicit OnTarget(int64_t target);
  ~OnTarget();
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;
};

/// With weights (the inputs that no picture changes) constant.
Tensor run(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs,
           Output output = Output::own_memory, int64_t pictures = 1);

/// The inputs as a backend of lower precision gets them, in f32.
std::vector<Tensor> rounded_for(const Backend& backend, const Op& op,
                                const std::vector<Tensor>& inputs);

/// "conv2d top=1 [1, 8, 8, 32] [32, 32, 3, 3]".
std::string describe(const Op& op, const std::vector<Tensor>& inputs);

/// Values between -1 and 1 times `scale`, the same for the same shape and `seed`; without memory of
/// their own as long as `scale` is 1.
Tensor random_tensor(const Shape& shape, int seed, float scale = 1, float offset = 0);
Tensor ids_tensor(const Shape& shape, std::vector<int32_t> ids);
Tensor byte_tensor(const Shape& shape, const std::vector<uint8_t>& bytes);

}  // namespace drypoint::testing

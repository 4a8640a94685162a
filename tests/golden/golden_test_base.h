// What comparisons with golden tensors share: the backends, each with its tolerance, and a model's
// weights on one of them.
#pragma once

#include <gtest/gtest.h>
#include <cstdlib>

#include <memory>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "base/error.h"
#include "compile/compile.h"
#include "drypoint/device.h"
#include "runtime/executor.h"

namespace drypoint::testing {

struct GoldenBackend {
  const char* name;
  std::unique_ptr<Backend> (*make)();
  double tolerance;  // of the tensor's largest magnitude
};

/// Where whole runs are drawn, in float32: the CPU, or what DRYPOINT_TEST_DEVICE names ("cuda").
inline DeviceOptions tested_device() {
  const char* wanted = std::getenv("DRYPOINT_TEST_DEVICE");
  return {.device = wanted ? wanted : "cpu", .precision = Precision::fp32};
}

/// The reference, the CPU and, where there is one, a GPU, each in its precisions.
inline std::vector<GoldenBackend> golden_backends() {
  std::vector<GoldenBackend> all{
      {"reference", make_reference_backend, 1e-4},
      {"cpu", [] { return make_cpu_backend(0); }, 1e-4},
      {"cpu_bf16", [] { return make_cpu_backend(0, DType::bf16); }, 1e-1}};
  for (const GoldenBackend& one :
       {GoldenBackend{"cuda_fp32", [] { return make_cuda_backend({.precision = DType::f32}); },
                      1e-4},
        {"cuda_tf32", [] { return make_cuda_backend({.precision = DType::f32, .tf32 = true}); },
         1e-2},
        {"cuda_fp16", [] { return make_cuda_backend({.precision = DType::f16}); }, 2e-2},
        {"cuda_bf16", [] { return make_cuda_backend({.precision = DType::bf16}); }, 1e-1}})
    try {
      one.make();
      all.push_back(one);
    } catch (const Error&) {  // no GPU here, or one without that precision
    }
  return all;
}

class GoldenTest : public ::testing::TestWithParam<GoldenBackend> {
 protected:
  explicit GoldenTest(const NamedTensors& weights) : store_(weights, *backend_) {}

  Executor executor(Graph graph) {
    return {compile(std::move(graph), backend_->target()), *backend_, store_};
  }

  std::unique_ptr<Backend> backend_ = GetParam().make();
  WeightStore store_;
};

}  // namespace drypoint::testing

// The simplest kernel.
#pragma once

#include "backend/backend.h"

namespace drypoint {

using KernelPtr = std::unique_ptr<Kernel>;

/// A kernel that is one function, with nothing packed.
class FunctionKernel : public Kernel {
 public:
  using Function = std::function<void(const Launch&)>;
  explicit FunctionKernel(Function function, size_t workspace = 0)
      : function_(std::move(function)), workspace_(workspace) {}
  size_t workspace() const override { return workspace_; }
  void run(const Launch& launch) const override { function_(launch); }

 private:
  Function function_;
  size_t workspace_;
};

inline KernelPtr make_kernel(FunctionKernel::Function function, size_t workspace = 0) {
  return std::make_unique<FunctionKernel>(std::move(function), workspace);
}

}  // namespace drypoint

// What our convolutions and products need of oneDNN.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include "backend/cpu/kernels.h"
#include "base/error.h"

namespace drypoint::cpu {

class OneDnn {
 public:
  const dnnl::engine& engine() const { return engine_; }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
};

/// oneDNN takes its number of threads from OpenMP's setting of the calling thread, both when it
/// plans and when it runs. This sets it for a scope.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// The end of a convolution or product: + residual, then the activation. The residual is added to
/// what the output holds already.
dnnl::primitive_attr attributes(bool residual, ActivationKind activation);

/// A layer of oneDNN: inputs x, weight, bias and residual as Conv2d and Linear have them.
class OneDnnLayer : public Kernel {
 public:
  struct Description {
    dnnl::primitive primitive;
    dnnl::memory::desc x, weight, bias, y, scratchpad;
    dnnl::memory::desc plain_weight;  // as the checkpoint has it
    bool pack = false;                // the weight has to be rearranged first
    bool has_bias = false;
    int residual = -1;  // which input
  };
  OneDnnLayer(Context context, Description description);

  std::optional<Packing> packing(size_t input) const override;
  size_t workspace() const override { return layer_.scratchpad.get_size(); }
  std::string description() const override;  // "onednn jit:avx512_core"
  void run(const Launch& launch) const override;

 private:
  Context context_;
  Description layer_;
  int64_t outputs_;
};

/// Names a memory layout; equal names mean equal bytes.
std::string format_of(const dnnl::memory::desc& desc);

/// Runs `work` on the context's threads, and turns what oneDNN throws into an Error of this kind.
template <class Work>
auto with_onednn(const Context& context, ErrorKind kind, std::string_view what, const Work& work) {
  const ThreadScope scope(context.threads);
  try {
    return work();
  } catch (const dnnl::error& error) {
    fail(error.status == dnnl_out_of_memory ? ErrorKind::out_of_memory : kind,
         "{} on device cpu: oneDNN says {}", what, error.what());
  }
}

/// Plans a layer; one that oneDNN does not know is unsupported.
template <class Plan>
KernelPtr plan_onednn(const KernelRequest& request, const Context& context, const Plan& plan) {
  return with_onednn(context, ErrorKind::unsupported,
                     fmt::format("{}: {}", request.module, drypoint::name(request.op)), plan);
}

}  // namespace drypoint::cpu

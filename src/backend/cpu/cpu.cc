#include <hwy/targets.h>

#include "backend/cpu/kernels.h"
#include "backend/cpu/onednn.h"
#include "base/error.h"
#include "base/threads.h"

namespace drypoint {
namespace {

/// By the names that oneDNN's own variable ONEDNN_MAX_CPU_ISA takes.
std::string onednn_isa() {
  switch (const auto isa = dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "SSE41";
    case dnnl::cpu_isa::avx: return "AVX";
    case dnnl::cpu_isa::avx2: return "AVX2";
    case dnnl::cpu_isa::avx2_vnni: return "AVX2_VNNI";
    case dnnl::cpu_isa::avx512_core: return "AVX512_CORE";
    case dnnl::cpu_isa::avx512_core_vnni: return "AVX512_CORE_VNNI";
    case dnnl::cpu_isa::avx512_core_bf16: return "AVX512_CORE_BF16";
    case dnnl::cpu_isa::avx512_core_amx: return "AVX512_CORE_AMX";
    default: return fmt::format("{:#x}", static_cast<int>(isa));
  }
}

/// What the compiler makes only for devices where launches cost has no kernel here.
bool pays_where_launches_cost(const Op& op) {
  const auto product = [](const auto& o) { return o.select || o.scale >= 0 || o.groups > 1; };
  if (const auto* conv = std::get_if<Conv2d>(&op))
    return product(*conv) || conv->doubled || conv->joined > 0;
  if (const auto* linear = std::get_if<Linear>(&op))
    return product(*linear) || linear->gated || linear->normed || linear->joined;
  if (const auto* norm = std::get_if<GroupNorm>(&op))
    return norm->weight_groups > 1 || norm->joined;
  if (const auto* norm = std::get_if<LayerNorm>(&op)) return norm->weight_groups > 1;
  return false;
}

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(int threads) : context_(cpu::make_context(threads)) {}

  std::string name() const override { return "cpu"; }
  int threads() const override { return context_.threads; }
  PlanDevice identity() const override {
    const dnnl::version_t& version = *dnnl::version();
    const int64_t targets = hwy::SupportedTargets();
    return {"cpu",
            fmt::format("oneDNN {}.{}.{} {}, Highway {}", version.major, version.minor,
                        version.patch, onednn_isa(), hwy::TargetName(targets & -targets)),
            "cpu", "fp32"};
  }
  bool packing_depends_on_size() const override { return true; }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    const DType expected = std::holds_alternative<Increment>(request.op) ? DType::i32 : DType::f32;
    if (request.output.dtype != expected || pays_where_launches_cost(request.op))
      fail(ErrorKind::unsupported, "{}: {} in {} on device cpu", request.module,
           to_string(request.op), drypoint::name(request.output.dtype));
    try {
      return std::visit([&](const auto& op) { return cpu::make(op, request, context_); },
                        request.op);
    } catch (const dnnl::error& error) {
      fail(
          error.status == dnnl_out_of_memory ? ErrorKind::out_of_memory : ErrorKind::device_failure,
          "{}: {} on device cpu: oneDNN: {}", request.module, drypoint::name(request.op),
          error.what());
    }
  }

 private:
  cpu::Context context_;
};

}  // namespace

namespace cpu {

Context make_context(int threads) {
  return {threads > 0 ? threads : usable_cores(), std::make_shared<OneDnn>()};
}

void parallel_copy(const Context& context, const float* from, int64_t count, float* to) {
  parallel_ranges(context, count, elements_per_task, [&](int64_t begin, int64_t end) {
    std::copy(from + begin, from + end, to + begin);
  });
}

}  // namespace cpu

std::unique_ptr<Backend> make_cpu_backend(int threads) {
  return std::make_unique<CpuBackend>(threads);
}

}  // namespace drypoint

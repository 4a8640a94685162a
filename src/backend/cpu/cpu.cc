#include <omp.h>
#include <sched.h>

#include "backend/cpu/kernels.h"
#include "backend/cpu/onednn.h"
#include "base/error.h"

namespace drypoint {
namespace {

int usable_cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : omp_get_num_procs();
}

/// What the compiler makes only for devices where launches cost has no kernel here.
bool pays_where_launches_cost(const Op& op) {
  const auto product = [](const auto& o) { return o.select || o.scale >= 0 || o.groups > 1; };
  if (const auto* conv = std::get_if<Conv2d>(&op)) return product(*conv) || conv->doubled;
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

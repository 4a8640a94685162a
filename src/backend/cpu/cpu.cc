#include <fmt/format.h>

#include "backend/cpu/kernels.h"
#include "base/error.h"
#include "base/threads.h"
#include "hash/packing_hash.h"

namespace drypoint {
namespace {

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
  explicit CpuBackend(int threads)
      : wanted_(threads > 0 ? threads : usable_cores()), context_(cpu::make_context(wanted_)) {}

  std::string name() const override { return "cpu"; }
  int threads() const override { return context_.threads(); }
  PlanDevice identity() const override {
    return {"cpu", fmt::format("vectors of {} floats", cpu::vector_size()), "cpu", "fp32",
            packing_hash};
  }
  bool packing_depends_on_size() const override { return true; }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    const DType expected = std::holds_alternative<Increment>(request.op) ? DType::i32 : DType::f32;
    if (request.output.dtype != expected || pays_where_launches_cost(request.op))
      fail(ErrorKind::unsupported, "{}: {} in {} on device cpu", request.module,
           to_string(request.op), drypoint::name(request.output.dtype));
    return std::visit([&](const auto& op) { return cpu::make(op, request, context_); }, request.op);
  }

  std::vector<std::string> notices() const override {
    if (threads() == wanted_) return {};
    return {fmt::format("threads: {} wanted, {} could be made", wanted_, threads())};
  }

 private:
  int wanted_;
  cpu::Context context_;
};

}  // namespace

namespace cpu {

Context make_context(int threads) {
  return {std::make_shared<ThreadPool>(threads > 0 ? threads : usable_cores())};
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

#include <fmt/format.h>

#include "backend/cpu/kernels.h"
#include "base/error.h"
#include "base/threads.h"
#include "hash/packing_hash.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

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
  Target target() const override { return cpu_target(); }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    const DType expected = std::holds_alternative<Increment>(request.op) ? DType::i32 : DType::f32;
    const bool fits = std::holds_alternative<Quantize>(request.op)
                          ? is_eight_bits(request.output.dtype)
                          : request.output.dtype == expected;
    if (!fits || !has_forms(cpu_target().fused, request.op))
      fail(ErrorKind::unsupported, "{}: {} in {} on device cpu", request.module,
           to_string(request.op), drypoint::name(request.output.dtype));
    if (forms_of(request.op).dequantize) return cpu::make_dequantized(request, context_);
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

Target cpu_target() {
  return {.eight_bits = {DType::f8, DType::i8}, .fused = {.dequantize = true}};
}

std::unique_ptr<Backend> make_cpu_backend(int threads) {
  return std::make_unique<CpuBackend>(threads);
}

}  // namespace drypoint

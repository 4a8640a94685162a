#include <fmt/format.h>

#include <atomic>

#include "backend/cpu/kernels.h"
#include "backend/in_floats.h"
#include "base/error.h"
#include "base/threads.h"
#include "hash/packing_hash.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

class CpuBackend : public Backend {
 public:
  CpuBackend(int threads, DType factors)
      : wanted_(threads > 0 ? threads : usable_cores()),
        context_(cpu::make_context(wanted_, factors)) {}

  std::string name() const override { return "cpu"; }
  int threads() const override { return context_.threads(); }
  PlanDevice identity() const override {
    return {"cpu", fmt::format("vectors of {} floats", cpu::vector_size()), "cpu",
            context_.factors == DType::bf16 ? Precision::bf16 : Precision::fp32, packing_hash};
  }
  bool packing_depends_on_size() const override { return true; }
  Target target() const override { return cpu_target(context_.factors); }

  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    const bool fits = std::holds_alternative<Quantize>(request.op)
                          ? is_eight_bits(request.output.dtype)
                          : request.output.dtype == result_in_floats(request.op);
    if (!fits || !has_forms(cpu_target().fused, request.op))
      fail(ErrorKind::unsupported, "{}: {} in {} on device cpu", request.module,
           to_string(request.op), drypoint::name(request.output.dtype));
    if (forms_of(request.op).dequantize) {
      const bool f8 = request.inputs[0].dtype == DType::f8;
      (f8 ? made_f8_ : made_i8_) = true;
      if (f8) return cpu::make_dequantized(request, context_);
    }
    return std::visit([&](const auto& op) { return cpu::make(op, request, context_); }, request.op);
  }

  std::vector<std::string> notices() const override {
    std::vector<std::string> all;
    if (threads() != wanted_)
      all.push_back(fmt::format("threads: {} wanted, {} could be made", wanted_, threads()));
    if (context_.factors == DType::bf16) {
      tell_if_slow(DType::bf16, all);
      if (cpu::tile_multipliers(DType::bf16).empty())
        all.emplace_back(
            "precision: bf16: most 3x3 convolutions stay in fp32, which is faster without tiles");
    }
    if (made_i8_) tell_if_slow(DType::i8, all);
    if (made_f8_) tell_slow(DType::f8, all);
    return all;
  }

 private:
  void tell_if_slow(DType factors, std::vector<std::string>& all) const {
    if (!context_.multiplier_for(factors).native) tell_slow(factors, all);
  }
  static void tell_slow(DType factors, std::vector<std::string>& all) {
    all.push_back(
        fmt::format("precision: slower than fp32, as this processor has no "
                    "instructions for products of {}",
                    drypoint::name(factors)));
  }

  int wanted_;
  cpu::Context context_;
  mutable std::atomic<bool> made_i8_ = false, made_f8_ = false;  // whether there are such products
};

}  // namespace

namespace cpu {

Context make_context(int threads, DType factors) {
  return {.pool = std::make_shared<ThreadPool>(threads > 0 ? threads : usable_cores()),
          .factors = factors};
}

Multiplier Context::multiplier_for(DType wanted) const {
  return multiplier && multiplier->factors == wanted ? *multiplier : multipliers(wanted).front();
}

void parallel_copy(const Context& context, const float* from, int64_t count, float* to) {
  parallel_ranges(context, count, elements_per_task, [&](int64_t begin, int64_t end) {
    std::copy(from + begin, from + end, to + begin);
  });
}

}  // namespace cpu

Target cpu_target(DType factors) {
  return {.factors = factors, .eight_bits = {DType::i8, DType::f8}, .fused = {.dequantize = true}};
}

std::unique_ptr<Backend> make_cpu_backend(int threads, DType factors) {
  return std::make_unique<CpuBackend>(threads, factors);
}

}  // namespace drypoint

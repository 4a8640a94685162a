// Times the CPU backend's kernels at every shape of full-size Stable Diffusion 1.5, of each
// convolution all ways to compute it, and of products and convolutions those with smaller factors,
// with each instruction set that the processor has for them ("in i8 by amx"). `count` says how
// often one step (or one run of the text encoder or VAE) does the operation; `share` is count *
// time. On a busy machine let it have one core and look at CPU times; DRYPOINT_AVX2=1 keeps to what
// older machines have.
//   taskset -c 0 kernels_cpu --benchmark_filter=step/conv2d
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <hwy/targets.h>

#include <cstdlib>

#include "backend/cpu/conv2d.h"
#include "support/full_size.h"
#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

/// Multiplications and additions; 0 for operations that memory bounds.
double operations(const Op& op, const std::vector<TensorType>& in, const TensorType& out) {
  const auto outputs = static_cast<double>(out.elements());
  if (std::holds_alternative<Conv2d>(op) || std::holds_alternative<Linear>(op))
    return 2 * outputs * static_cast<double>(in[1].elements() / in[1].shape[0]);
  if (std::holds_alternative<Attention>(op))
    return 4 * outputs * static_cast<double>(in[1].shape[1]);
  return 0;
}

using Make = std::function<std::unique_ptr<Kernel>(const KernelRequest&)>;

void measure(benchmark::State& state, const Case& one, const Make& make) {
  const KernelRequest request{one.op, one.inputs, infer(one.op, one.inputs),
                              std::vector<bool>(one.inputs.size(), true), "bench"};
  std::unique_ptr<Kernel> kernel;
  try {
    kernel = make(request);
  } catch (const Error& error) {
    return state.SkipWithError(error.what());
  }
  const Backend& backend = *backends()[1];
  std::vector<DeviceMemory> packed;
  std::vector<Tensor> inputs;
  std::vector<const void*> pointers;
  for (size_t i = 0; i < one.inputs.size(); ++i) {
    const TensorType& type = one.inputs[i];
    inputs.push_back(type.dtype == DType::f32 ? random_tensor(type.shape, static_cast<int>(i))
                     : type.dtype == DType::i8
                         ? Tensor(type)
                         : ids_tensor(type.shape, std::vector<int32_t>(type.elements(), 1)));
    pointers.push_back(inputs.back().bytes().data());
    if (const auto packing = kernel->packing(i)) {
      packed.push_back(backend.allocate(packing->bytes));
      packing->pack(inputs.back(), packed.back().get());
      pointers.back() = packed.back().get();
    }
  }
  const DeviceMemory output = backend.allocate(request.output.bytes());
  const DeviceMemory workspace = backend.allocate(kernel->workspace());
  const Launch launch{pointers, output.get(), workspace.get()};
  kernel->run(launch);
  for (auto _ : state) kernel->run(launch);

  using benchmark::Counter;
  state.counters["flop/s"] =
      Counter(operations(one.op, one.inputs, request.output), Counter::kIsIterationInvariantRate);
  state.counters["count"] = one.count;
  state.counters["share"] =
      Counter(1.0 / one.count, Counter::kIsIterationInvariantRate | Counter::kInvert);
}

void add(const std::string& name, const Case& one, const Make& make) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [one, make](benchmark::State& state) { measure(state, one, make); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

/// With factors of fewer bits, multiplied in each way.
template <class Product>
void add_small_factors(const std::string& name, const Case& one, const Product& op) {
  Case of_i8 = one;
  Product rounded = op;
  rounded.epilogue.dequantize = true;
  of_i8.op = rounded;
  of_i8.inputs[0].dtype = DType::i8;
  of_i8.inputs.push_back({DType::f32, {1}});
  for (const DType factors : {DType::bf16, DType::i8})
    for (const cpu::Multiplier& multiplier : cpu::multipliers(factors)) {
      const auto make = [=](const KernelRequest& request) {
        cpu::Context context = cpu::make_context(0, factors);
        context.multiplier = multiplier;
        return cpu::make(factors == DType::i8 ? rounded : op, request, context);
      };
      add(fmt::format("{} in {} by {}", name, drypoint::name(factors), multiplier.name),
          factors == DType::i8 ? of_i8 : one, make);
    }
}

void add_all() {
  static constexpr const char* parts[] = {"step", "text", "decode", "encode", "features"};
  const std::vector<Graph> graphs = full_size_graphs();
  for (size_t i = 0; i < graphs.size(); ++i)
    for (const Case& one : distinct_cases({graphs[i]})) {
      std::string name = std::string(parts[i]) + "/" + to_string(one.op);
      for (const TensorType& type : one.inputs) name += fmt::format(" {}", to_string(type.shape));
      add(name, one, [](const KernelRequest& request) { return backends()[1]->kernel(request); });
      if (const auto* linear = std::get_if<Linear>(&one.op)) add_small_factors(name, one, *linear);
      const auto* conv = std::get_if<Conv2d>(&one.op);
      if (!conv) continue;
      add_small_factors(name, one, *conv);
      for (const auto& [algorithm, make] : cpu::conv2d_algorithms())
        add(name + " by " + algorithm, one, [conv = *conv, make = make](const KernelRequest& r) {
          return make(conv, r, cpu::make_context(0));
        });
    }
}

}  // namespace
}  // namespace drypoint

int main(int argc, char** argv) {
  if (std::getenv("DRYPOINT_AVX2")) hwy::SetSupportedTargetsForTest(HWY_AVX2);
  drypoint::add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}

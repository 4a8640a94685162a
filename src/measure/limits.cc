#include "measure/limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "diffusion/noise/random.h"
#include "measure/cost.h"

namespace drypoint {
namespace {

/// Random values of a type, block by block the same: drawing hundreds of millions would take long,
/// and constants would let a GPU run at clocks that no picture sees.
Tensor noise(const TensorType& type) {
  static const std::vector<float> values = [] {
    std::vector<float> drawn(1 << 16);
    make_generator({}, 1)->randn(drawn);
    return drawn;
  }();
  Tensor tensor(type);
  const auto bytes = tensor.mutable_bytes();
  const auto count = static_cast<size_t>(type.elements());
  for (size_t i = 0; i < count; ++i) {
    const float value = values[i % values.size()];
    if (type.dtype == DType::f16)
      reinterpret_cast<uint16_t*>(bytes.data())[i] = float_to_half(value);
    else if (type.dtype == DType::bf16)
      reinterpret_cast<uint16_t*>(bytes.data())[i] = float_to_bfloat(value);
    else
      reinterpret_cast<float*>(bytes.data())[i] = value;
  }
  return tensor;
}

/// Seconds of the fastest of some runs.
double fastest(const Instruments& instruments, const LoneKernel& kernel) {
  constexpr int runs = 8;
  kernel.run();
  double best = 0;
  for (int i = 0; i < runs; ++i) {
    const auto begin = instruments.now();
    kernel.run();
    const auto end = instruments.now();
    const double seconds = end->seconds_since(*begin);
    best = best > 0 ? std::min(best, seconds) : seconds;
  }
  return best;
}

}  // namespace

LoneKernel::LoneKernel(const Backend& backend, const Op& op, const std::vector<TensorType>& inputs,
                       const std::vector<bool>& constant) {
  const TensorType output = infer(op, inputs);
  kernel_ = backend.kernel({op, inputs, output, constant, "measurement"});
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor values = noise(inputs[i]);
    const auto packing = kernel_->packing(i);
    const size_t bytes = packing ? packing->bytes : values.bytes().size();
    std::vector<std::byte> packed(packing ? bytes : 0);
    if (packing) packing->pack(values, packed.data());
    inputs_.push_back(backend.allocate(bytes));
    backend.upload(inputs_.back().get(),
                   packing ? std::span<const std::byte>(packed) : values.bytes());
    pointers_.push_back(inputs_.back().get());
  }
  output_ = backend.allocate(output.bytes());
  workspace_ = backend.allocate(kernel_->workspace());
}

DeviceLimits measure_limits(const Backend& backend, const Instruments& instruments) {
  const DType dtype = backend.target().precision;
  const bool host = backend.shares_host_memory();
  const bool slow = backend.name() == "reference";
  DeviceLimits limits;
  // Rows, depth, columns.
  const std::vector<std::array<int64_t, 3>> products =
      slow   ? std::vector<std::array<int64_t, 3>>{{64, 256, 256}}
      : host ? std::vector<std::array<int64_t, 3>>{{512, 1024, 1024}, {2048, 1024, 1024}}
             : std::vector<std::array<int64_t, 3>>{{4096, 4096, 4096}, {8192, 4096, 4096}};
  for (const auto& [rows, depth, columns] : products) {
    const TensorType x{dtype, {rows, depth}}, weight{DType::f32, {columns, depth}};
    const Op op = Linear{.epilogue = {.bias = false}};
    const double seconds = fastest(instruments, {backend, op, {x, weight}, {false, true}});
    const double rate =
        cost_of(op, std::vector{x, weight}, {false, true}, infer(op, std::vector{x, weight}))
            .flops /
        seconds;
    if (rate <= limits.flops_per_second) continue;
    limits.flops_per_second = rate;
    limits.product = fmt::format("linear {} x {}", to_string(x), to_string(weight.shape));
  }
  // A copy reads and writes one tensor, a sum reads another one too.
  const TensorType large{dtype, {host ? (slow ? 256 : 4096) : 16384, 8192}};
  const std::vector<std::pair<Op, size_t>> moves = {{Reshape{large.shape}, 1}, {Add{}, 2}};
  for (const auto& [op, inputs] : moves) {
    const double seconds = fastest(
        instruments, {backend, op, std::vector(inputs, large), std::vector<bool>(inputs, false)});
    const double rate = static_cast<double>((inputs + 1) * large.bytes()) / seconds;
    if (rate <= limits.bytes_per_second) continue;
    limits.bytes_per_second = rate;
    limits.move = fmt::format("{} {}", is_view(op) ? "copy of" : name(op), to_string(large));
  }
  return limits;
}

}  // namespace drypoint

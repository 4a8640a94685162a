#include "support/op_runner.h"

#include "base/vector_targets.h"
// After the targets that we compile for.
#include <fmt/format.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/memory.h"

namespace drypoint::testing {
namespace {

/// A device's memory between two fences of known bytes: as floats of any kind, NaN.
class Fenced {
 public:
  Fenced(const Backend& backend, size_t bytes)
      : backend_(backend), bytes_(bytes), block_(backend.allocate(bytes + 2 * fence)) {
    fill_with_known(block_.get(), fence);
    fill_with_known(data() + bytes, fence);
  }
  std::byte* data() { return block_.get() + fence; }
  void fill(std::span<const std::byte> bytes) { backend_.upload(data(), bytes); }
  void fill_with_known() { fill_with_known(data(), bytes_); }
  Tensor contents(const TensorType& type) const {
    Tensor tensor(type);
    backend_.download(tensor.mutable_bytes(), block_.get() + fence);
    return tensor;
  }
  bool intact() const {
    std::array<std::byte, 2 * fence> both;
    backend_.download(std::span(both).first(fence), block_.get());
    backend_.download(std::span(both).last(fence), block_.get() + fence + bytes_);
    return std::ranges::count(both, known) == std::ssize(both);
  }

 private:
  static constexpr size_t fence = 256;
  static constexpr auto known = std::byte{0xff};

  void fill_with_known(std::byte* to, size_t bytes) const {
    static const std::vector<std::byte> some(size_t{1} << 20, known);
    for (size_t left = bytes; left > 0;) {
      const auto piece = std::span(some).first(std::min(left, some.size()));
      left -= piece.size();
      backend_.upload(to + left, piece);
    }
  }

  const Backend& backend_;
  size_t bytes_;
  DeviceMemory block_;
};

/// f32 values in another precision.
Tensor rounded(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() != DType::f32 || dtype == DType::f32) return tensor;
  Tensor result({dtype, tensor.shape()});
  auto* to = reinterpret_cast<uint16_t*>(result.mutable_bytes().data());
  for (const float value : tensor.floats())
    *to++ = dtype == DType::f16 ? float_to_half(value) : float_to_bfloat(value);
  return result;
}

std::vector<bool> usual_constants(const Op& op, size_t count) {
  std::vector<bool> constant(count, false);
  const auto mark = [&](size_t first, size_t last) {
    for (size_t i = first; i < std::min(last, count); ++i) constant[i] = true;
  };
  if (const auto* conv = std::get_if<Conv2d>(&op)) mark(1, conv->epilogue.bias ? 3 : 2);
  if (const auto* linear = std::get_if<Linear>(&op)) mark(1, linear->epilogue.bias ? 3 : 2);
  if (std::holds_alternative<GroupNorm>(op) || std::holds_alternative<LayerNorm>(op)) mark(1, 3);
  if (std::holds_alternative<Embedding>(op)) mark(1, 2);
  return constant;
}

}  // namespace

const std::vector<const Backend*>& backends() {
  static const KeepBlocks kept;  // as each run wants the like of those of the last
  static const auto owned = [] {
    std::vector<std::unique_ptr<Backend>> all;
    all.push_back(make_reference_backend());
    for (const DType factors : {DType::f32, DType::bf16})
      all.push_back(make_cpu_backend(0, factors));
    for (const CudaOptions& options : {CudaOptions{.precision = DType::f32},
                                       {.precision = DType::f16},
                                       {.precision = DType::bf16},
                                       {.precision = DType::f32, .tf32 = true}})
      try {
        all.push_back(make_cuda_backend(options));
      } catch (const Error& error) {  // no GPU here, or one without that precision
        if (error.kind() != ErrorKind::unsupported) throw;
      }
    return all;
  }();
  static const auto all = [] {
    std::vector<const Backend*> pointers;
    for (const auto& backend : owned) pointers.push_back(backend.get());
    return pointers;
  }();
  return all;
}

const Backend& reference() { return *backends().front(); }

bool has_gpu(DType precision) {
  return std::ranges::any_of(backends(), [&](const Backend* backend) {
    return !backend->shares_host_memory() && backend->target().precision == precision;
  });
}

bool has_type(const Backend& backend, DType type) {
  const std::vector<DType> there = backend.target().eight_bits;
  return std::ranges::find(there, type) != there.end();
}

double tolerance(const Backend& backend, const Op& op) {
  if (&backend == &reference()) return 1e-6;
  const bool gpu = !backend.shares_host_memory();
  const bool product = category(op) == Category::product || category(op) == Category::convolution;
  if (backend.target().factors == DType::bf16 && product) return 1e-2;
  switch (backend.target().precision) {
    case DType::f16: return 4e-3;
    case DType::bf16: return 3e-2;
    default: break;
  }
  if (backend.name().find("tf32") != std::string::npos) return 2e-3;
  struct Row {
    std::string_view op;
    double cpu, gpu;
  };
  static constexpr Row table[] = {
      {Activation::name, 1e-6, 2e-6},      {Attention::name, 5e-6, 2e-5},
      {AveragePool::name, 1e-6, 2e-6},     {Conv2d::name, 5e-6, 3e-5},
      {GatedGelu::name, 1e-6, 2e-6},       {GroupNorm::name, 2e-6, 1e-5},
      {LayerNorm::name, 2e-6, 1e-5},       {Linear::name, 3e-6, 3e-5},
      {Blend::name, 1e-6, 2e-6},           {RescaleGuidance::name, 1e-6, 2e-6},
      {SamplerUpdate::name, 1e-6, 2e-6},   {SoftBlend::name, 2e-6, 5e-6},
      {SpatialMean::name, 1e-6, 2e-6},     {TimestepEmbedding::name, 1e-7, 2e-6},
      {DepthwiseConv2d::name, 1e-6, 2e-6}, {SigmoidGate::name, 1e-6, 2e-6},
      {SurfaceNormals::name, 1e-6, 2e-6},
  };
  for (const Row& row : table)
    if (row.op == drypoint::name(op)) return gpu ? row.gpu : row.cpu;
  return gpu ? 5e-7 : 1e-7;
}

namespace {

/// Whether its biases are a table, which an earlier operation made.
bool selects(const Op& op) {
  const auto* conv = std::get_if<Conv2d>(&op);
  const auto* linear = std::get_if<Linear>(&op);
  return (conv && conv->epilogue.select) || (linear && linear->epilogue.select);
}

/// Products of eight bits give what the backend computes in.
Op lowered(const Backend& backend, Op op) {
  const auto lower = [&](auto& product) {
    if (product.epilogue.dequantize) product.epilogue.to = backend.target().precision;
  };
  if (auto* conv = std::get_if<Conv2d>(&op)) lower(*conv);
  if (auto* linear = std::get_if<Linear>(&op)) lower(*linear);
  return op;
}

/// With the types that the backend wants. `op` is `lowered`.
KernelRequest request_for(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs,
                          const std::vector<bool>& constant, int64_t pictures) {
  std::vector<TensorType> types;
  for (const Tensor& input : inputs) types.push_back(input.type());
  const auto lower = [&](int i) {
    if (!constant[i] && types[i].dtype == DType::f32) types[i].dtype = backend.target().precision;
  };
  for (const int i : inputs_of_own_precision(op, inputs.size())) lower(i);
  if (selects(op)) lower(2);
  return {op, types, infer(op, types), constant, "test", 0, pictures};
}

}  // namespace

std::unique_ptr<Kernel> kernel_for(const Backend& backend, const Op& op,
                                   const std::vector<Tensor>& inputs,
                                   const std::vector<bool>& constant, int64_t pictures) {
  const Op own = lowered(backend, op);
  return backend.kernel(request_for(backend, own, inputs, constant, pictures));
}

Tensor run(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs,
           const std::vector<bool>& constant, Output where, int64_t pictures) {
  const Op lower_op = lowered(backend, op);
  const KernelRequest request = request_for(backend, lower_op, inputs, constant, pictures);
  std::vector<Tensor> own;
  for (size_t i = 0; i < inputs.size(); ++i)
    own.push_back(rounded(inputs[i], request.inputs[i].dtype));
  const auto kernel = backend.kernel(request);

  std::vector<Fenced> memory;
  std::vector<const void*> pointers;
  for (size_t i = 0; i < own.size(); ++i) {
    const auto packing = constant[i] ? kernel->packing(i) : std::nullopt;
    memory.emplace_back(backend, packing ? packing->bytes : own[i].bytes().size());
    if (packing) {
      constexpr size_t fence = 64;
      const auto block = allocate_block(packing->bytes + fence);
      const std::span packed(block.get(), packing->bytes + fence);
      std::ranges::fill(packed, std::byte{0xff});
      packing->pack(own[i], packed.data());
      EXPECT_EQ(std::ranges::count(packed.last(fence), std::byte{0xff}), int64_t{fence})
          << to_string(op) << " packing";
      memory.back().fill(packed.first(packing->bytes));
    } else {
      memory.back().fill(own[i].bytes());
    }
    pointers.push_back(memory.back().data());
  }
  Fenced output(backend, request.output.bytes()), workspace(backend, kernel->workspace());
  output.fill_with_known();
  workspace.fill_with_known();
  if (where == Output::in_place) {
    const int input = in_place_input(op);
    DRYPOINT_EXPECT(input >= 0, "{} has no in-place input", name(op));
    output.fill(own[input].bytes());
    pointers[input] = output.data();
  }
  kernel->run({pointers, output.data(), workspace.data()});
  EXPECT_TRUE(output.intact()) << to_string(op) << " wrote past its output";
  EXPECT_TRUE(workspace.intact()) << to_string(op) << " wrote past its workspace";
  const Tensor result = output.contents(request.output);
  const bool is_bytes = result.dtype() == DType::u8;
  return is_float(result.dtype()) || is_bytes ? result.to_f32() : result;
}

std::vector<int64_t> vector_targets() {
  auto targets = hwy::SupportedAndGeneratedTargets();
  std::sort(targets.begin(), targets.end());  // better ones have lower bits
  return targets;
}
namespace {

/// Holds all tests of a program to the instruction set that DRYPOINT_TEST_ISA names, or to the
/// portable code. Where that is what runs anyway, or cannot run, there is nothing to test.
class InstructionSet : public ::testing::Environment {
  void SetUp() override {
    const char* wanted = std::getenv("DRYPOINT_TEST_ISA");
    if (!wanted) return;
    const auto targets = vector_targets();
    for (const int64_t target : targets) {
      const bool is_portable = target == targets.back() && std::string_view(wanted) == "portable";
      if (!is_portable && std::string_view(wanted) != hwy::TargetName(target)) continue;
      if (target == targets.front()) GTEST_SKIP() << wanted << " runs anyway";
      hwy::SetSupportedTargetsForTest(target);
      return;
    }
    GTEST_SKIP() << wanted << " is not here";
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

}  // namespace

void hold_to_instruction_set() { ::testing::AddGlobalTestEnvironment(new InstructionSet); }

OnTarget::OnTarget(int64_t target) { hwy::SetSupportedTargetsForTest(target); }
OnTarget::~OnTarget() { hwy::SetSupportedTargetsForTest(0); }

Tensor run(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs, Output output,
           int64_t pictures) {
  return run(backend, op, inputs, usual_constants(op, inputs.size()), output, pictures);
}

std::vector<Tensor> rounded_for(const Backend& backend, const Op& op,
                                const std::vector<Tensor>& inputs) {
  std::vector<Tensor> own = inputs;
  const auto constant = usual_constants(op, inputs.size());
  for (const int i : inputs_of_own_precision(op, inputs.size()))
    if (!constant[i]) own[i] = rounded(inputs[i], backend.target().precision).to_f32();
  return own;
}

std::string describe(const Op& op, const std::vector<Tensor>& inputs) {
  std::string text = to_string(op);
  for (const Tensor& input : inputs) text += fmt::format(" {}", to_string(input.shape()));
  return text;
}

Tensor random_tensor(const Shape& shape, int seed, float scale, float offset) {
  static const std::shared_ptr<std::vector<float>> pool = [] {
    auto values = std::make_shared<std::vector<float>>(size_t{38'000'000});
    uint32_t state = 2463534242u;  // xorshift, https://doi.org/10.18637/jss.v008.i14
    for (float& value : *values) {
      state ^= state << 13, state ^= state >> 17, state ^= state << 5;
      value = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
    }
    return values;
  }();
  const size_t most = pool->size(), step = 64;  // as large as the token table
  const auto count = static_cast<size_t>(element_count(shape));
  if (count > most) {  // of several pictures: the same again
    Tensor tensor({DType::f32, shape});
    for (size_t i = 0; i < count; ++i)
      tensor.mutable_floats()[i] = (*pool)[i % (most - 1)] * scale + offset;
    return tensor;
  }
  const size_t first =
      static_cast<size_t>(seed) * 7919 * step % (most - count + step) / step * step;
  const auto* data = pool->data() + std::min(first, most - count);
  if (scale == 1 && offset == 0)
    return {{DType::f32, shape}, reinterpret_cast<const std::byte*>(data), pool};
  Tensor tensor({DType::f32, shape});
  for (size_t i = 0; i < count; ++i) tensor.mutable_floats()[i] = data[i] * scale + offset;
  return tensor;
}

Tensor ids_tensor(const Shape& shape, std::vector<int32_t> ids) {
  Tensor tensor({DType::i32, shape});
  std::memcpy(tensor.mutable_bytes().data(), ids.data(), tensor.type().bytes());
  return tensor;
}

Tensor byte_tensor(const Shape& shape, const std::vector<uint8_t>& bytes) {
  Tensor tensor({DType::u8, shape});
  std::memcpy(tensor.mutable_bytes().data(), bytes.data(), tensor.type().bytes());
  return tensor;
}

}  // namespace drypoint::testing

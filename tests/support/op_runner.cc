#include "support/op_runner.h"

#include "backend/cpu/targets.h"
// After the targets that we compile for.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace drypoint::testing {
namespace {

/// Memory between two fences of known bytes.
class Fenced {
 public:
  explicit Fenced(size_t bytes) : bytes_(bytes), memory_(bytes + 2 * fence) {
    block_ = std::shared_ptr<std::byte>(
        static_cast<std::byte*>(std::aligned_alloc(64, (memory_ + 63) / 64 * 64)), std::free);
    std::memset(block_.get(), 0xff, memory_);  // as floats: NaN
  }
  std::byte* data() { return block_.get() + fence; }
  bool intact() const {
    const auto whole = [](std::byte b) { return b == std::byte{0xff}; };
    return std::all_of(block_.get(), block_.get() + fence, whole) &&
           std::all_of(block_.get() + fence + bytes_, block_.get() + memory_, whole);
  }
  const std::shared_ptr<std::byte>& owner() const { return block_; }

 private:
  static constexpr size_t fence = 256;
  size_t bytes_, memory_;
  std::shared_ptr<std::byte> block_;
};

std::vector<bool> usual_constants(const Op& op, size_t count) {
  std::vector<bool> constant(count, false);
  const auto mark = [&](size_t first, size_t last) {
    for (size_t i = first; i < std::min(last, count); ++i) constant[i] = true;
  };
  if (std::holds_alternative<Conv2d>(op) || std::holds_alternative<Linear>(op)) mark(1, 2);
  if (std::holds_alternative<GroupNorm>(op) || std::holds_alternative<LayerNorm>(op)) mark(1, 3);
  if (std::holds_alternative<Embedding>(op)) mark(1, 2);
  return constant;
}

}  // namespace

const std::vector<const Backend*>& backends() {
  static const auto one = make_reference_backend(), two = make_cpu_backend(0);
  static const std::vector<const Backend*> all{one.get(), two.get()};
  return all;
}

const Backend& reference() { return *backends().front(); }

double tolerance(const Backend& backend, const Op& op, DType dtype) {
  if (&backend == &reference()) return 1e-6;
  struct Row {
    std::string_view op;
    DType dtype;
    double tolerance;
  };
  static constexpr Row table[] = {
      {Activation::name, DType::f32, 1e-6},  {Attention::name, DType::f32, 5e-6},
      {AveragePool::name, DType::f32, 1e-6}, {Conv2d::name, DType::f32, 5e-6},
      {GatedGelu::name, DType::f32, 1e-6},   {GroupNorm::name, DType::f32, 2e-6},
      {LayerNorm::name, DType::f32, 2e-6},   {Linear::name, DType::f32, 3e-6},
  };
  for (const Row& row : table)
    if (row.op == drypoint::name(op) && row.dtype == dtype) return row.tolerance;
  return 1e-7;
}

Tensor run(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs,
           const std::vector<bool>& constant, Output where) {
  std::vector<TensorType> types;
  for (const Tensor& input : inputs) types.push_back(input.type());
  const KernelRequest request{op, types, infer(op, types), constant, "test"};
  const auto kernel = backend.kernel(request);

  std::vector<Fenced> packed;
  std::vector<const void*> pointers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    pointers.push_back(inputs[i].bytes().data());
    const auto packing = constant[i] ? kernel->packing(i) : std::nullopt;
    if (!packing) continue;
    packed.emplace_back(packing->bytes);
    packing->pack(inputs[i], packed.back().data());
    pointers.back() = packed.back().data();
  }
  Fenced output(request.output.bytes()), workspace(kernel->workspace());
  if (where == Output::in_place) {
    const int input = in_place_input(op);
    DRYPOINT_EXPECT(input >= 0, "{} has no in-place input", name(op));
    std::memcpy(output.data(), inputs[input].bytes().data(), request.output.bytes());
    pointers[input] = output.data();
  }
  kernel->run({pointers, output.data(), workspace.data()});
  EXPECT_TRUE(output.intact()) << to_string(op) << " wrote past its output";
  EXPECT_TRUE(workspace.intact()) << to_string(op) << " wrote past its workspace";
  for (const Fenced& block : packed) EXPECT_TRUE(block.intact()) << to_string(op) << " packing";
  return {request.output, output.data(), output.owner()};
}

std::vector<int64_t> vector_targets() {
  auto targets = hwy::SupportedAndGeneratedTargets();
  std::sort(targets.begin(), targets.end());  // better ones have lower bits
  return targets;
}
OnTarget::OnTarget(int64_t target) { hwy::SetSupportedTargetsForTest(target); }
OnTarget::~OnTarget() { hwy::SetSupportedTargetsForTest(0); }

Tensor run(const Backend& backend, const Op& op, const std::vector<Tensor>& inputs, Output output) {
  return run(backend, op, inputs, usual_constants(op, inputs.size()), output);
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
  DRYPOINT_EXPECT(count <= most, "{} random values", count);
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

}  // namespace drypoint::testing

// Factors of eight bits in ONNX: rounded and back, so that readers know the scales.
#include <algorithm>

#include "export/lowering.h"
#include "tensor/eight_bits.h"

namespace drypoint {

std::optional<float> Lowering::range() const {
  if (!quantization_) return std::nullopt;
  // Our ranges of merged products have the name of what these are parts of.
  std::vector<std::string> modules{node_->module};
  if (auto whole = merged_module(node_->module)) modules.push_back(std::move(*whole));
  const auto is_kept = [&](const auto& module) { return quantization_->kept.contains(module); };
  if (std::ranges::any_of(modules, is_kept)) return std::nullopt;
  for (const std::string& module : modules)
    if (const auto found = quantization_->ranges.find(module); found != quantization_->ranges.end())
      return found->second;
  return std::nullopt;
}

std::string Lowering::rounded(const std::string& x, const std::vector<float>& scales,
                              int64_t axis) {
  const auto count = static_cast<int64_t>(scales.size());
  const Shape shape = count > 1 ? Shape{count} : Shape{};
  const std::string by = numbers(shape, scales);
  const std::vector<uint8_t> zeros(scales.size());  // of either type
  const std::string zero = constant({quantization_->type, shape}, zeros.data());
  onnx::Attributes attributes;
  if (count > 1) attributes.emplace_back("axis", axis);
  const std::string small = emit("QuantizeLinear", {x, by, zero}, attributes);
  return emit("DequantizeLinear", {small, by, zero}, attributes);
}

std::string Lowering::rounded_input(const std::string& x) {
  const auto most = range();
  return most ? rounded(x, {scale_of(*most, quantization_->type)}, 0) : x;
}

std::string Lowering::rounded_weight(int64_t axis, bool transposed) {
  const std::string name = weight(1, transposed);
  if (!range()) return name;
  const DType type = quantization_->type;
  const Tensor values = weights_.values(graph_[node_->inputs[1]].name);
  const auto outputs = static_cast<size_t>(type == DType::i8 ? values.shape()[0] : 1);
  const size_t share = values.floats().size() / outputs;
  std::vector<float> scales;
  for (size_t o = 0; o < outputs; ++o)
    scales.push_back(scale_of(values.floats().subspan(o * share, share), type));
  return rounded(name, scales, axis);
}

}  // namespace drypoint

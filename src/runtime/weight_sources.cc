#include "runtime/weight_sources.h"

#include <algorithm>

#include "base/content_hash.h"
#include "base/error.h"

namespace drypoint {
void WeightSources::replaced(std::span<const std::string> names) {
  ++replaced_;
  for (const std::string& name : names) replacements_[name] = replaced_;
}

uint64_t WeightSources::version(const std::string& name) const {
  const auto replacement = replacements_.find(name);
  const auto layers = layers_.find(name);
  const uint64_t base = replacement == replacements_.end() ? 0 : replacement->second;
  if (layers == layers_.end() || layers->second.empty()) return base;
  ContentHash hash;
  hash.add(base);
  for (const WeightLayer& layer : layers->second) hash.add(layer.version);
  return hash.value();
}

std::vector<uint64_t> WeightSources::versions(const std::vector<std::string>& names) const {
  std::vector<uint64_t> result;
  for (const std::string& name : names) result.push_back(version(name));
  if (std::ranges::all_of(result, [](uint64_t version) { return version == 0; })) result.clear();
  return result;
}

Tensor WeightSources::values(const std::string& name, const Shape& shape) const {
  const Tensor& tensor = checkpoint_.at(name);
  try {
    check_finite(name, tensor);
  } catch (const Error& error) {
    const std::string file = checkpoint_.file_of(tensor);
    fail(error.kind(), "{}{}{}", file, file.empty() ? "" : ": ", error.what());
  }
  const auto with = [&](const Layers& all, const Tensor& original) {
    const auto layers = all.find(name);
    if (layers == all.end() || layers->second.empty()) return original;
    Tensor values = make_tensor(shape, original.floats());
    for (const WeightLayer& layer : layers->second) layer.apply(values, original);
    check_finite(name + " with its adapters", values);
    return values;
  };
  return with(layers_, with(own_layers_, tensor.to_f32().reshaped(shape)));
}

}  // namespace drypoint

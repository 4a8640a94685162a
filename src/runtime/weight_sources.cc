#include "runtime/weight_sources.h"

#include <algorithm>

#include "base/content_hash.h"
#include "base/error.h"

namespace drypoint {
namespace {

WeightRows rows_of(const NamedTensors& checkpoint, const std::string& name, const Shape& shape) {
  const Tensor tensor = checkpoint.at(name).reshaped(shape);
  const size_t size = size_of(tensor.dtype());
  return {shape, [=, &checkpoint, row_size = WeightRows(shape, {}).row_size()](
                     int64_t first, std::span<float> room) {
            const size_t begin = static_cast<size_t>(first) * row_size;
            const auto bytes = tensor.bytes().subspan(begin * size, room.size() * size);
            try {
              check_finite(name, tensor.type(), bytes, begin);
            } catch (const Error& error) {
              const std::string file = checkpoint.file_of(tensor);
              fail(error.kind(), "{}{}{}", file, file.empty() ? "" : ": ", error.what());
            }
            const Tensor part({tensor.dtype(), {static_cast<int64_t>(room.size())}}, bytes.data(),
                              nullptr);
            if (part.is_f32()) return part.floats().data();
            part.write_f32(room);
            return static_cast<const float*>(room.data());
          }};
}

WeightRows changed(const std::string& name, const WeightRows& original,
                   const std::vector<WeightLayer>& layers) {
  std::vector<RowsChange> changes;
  for (const WeightLayer& layer : layers) changes.push_back(layer.begin(original));
  const Shape shape = original.shape();
  return {shape, [=, before = std::vector<float>()](int64_t first, std::span<float> room) mutable {
            original.read_into(first, room);
            std::span<const float> unchanged = room;
            if (changes.size() > 1) {
              before.assign(room.begin(), room.end());
              unchanged = before;
            }
            for (const RowsChange& change : changes) change(first, room, unchanged);
            check_finite(name, {DType::f32, shape}, std::as_bytes(room),
                         static_cast<size_t>(first) * original.row_size());
            return static_cast<const float*>(room.data());
          }};
}

}  // namespace

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

WeightRows WeightSources::rows(const std::string& name, const Shape& shape) const {
  const auto with = [&](const Layers& all, const WeightRows& original) {
    const auto layers = all.find(name);
    if (layers == all.end() || layers->second.empty()) return original;
    return changed(name + " with its adapters", original, layers->second);
  };
  return with(layers_, with(own_layers_, rows_of(checkpoint_, name, shape)));
}

}  // namespace drypoint

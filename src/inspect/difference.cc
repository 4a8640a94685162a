#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/formats.h"
#include "checkpoint/plan_file.h"
#include "drypoint/inspect.h"
#include "drypoint/plan.h"
#include "inspect/module_tree.h"
#include "models/assemble.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// All that a plan's header says but for the list of its tensors, as metadata with one entry each.
NamedTensors read_plan(const std::filesystem::path& path) {
  const PlanFile plan(path);
  const PlanInfo& info = plan.info();
  NamedTensors result = read_tensor_file(path).tensors;
  result.tensors.erase("checksums");  // they differ where what they are of does
  auto& entries = result.metadata;
  entries = {{"producer", info.producer},
             {"model", info.model},
             {"control", info.control},
             {"device.kind", info.device.kind},
             {"device.hardware", info.device.hardware},
             {"device.name", info.device.name},
             {"device.precision", std::string(info.device.precision.name())},
             {"device.code", info.device.code},
             {"samples", fmt::format("{}", info.samples)},
             {"any_size", fmt::format("{}", info.any_size)},
             {"layout", plan.checkpoint().layout}};
  std::vector<std::string> sizes;
  for (const ImageSize size : info.sizes)
    sizes.push_back(fmt::format("{}x{}", size.height, size.width));
  entries["sizes"] = fmt::format("{}", fmt::join(sizes, ", "));
  for (const PlanPart& part : info.parts) entries["sources." + part.name] = part.source;
  for (const auto& [key, value] : plan.checkpoint().tensors.metadata)
    entries["metadata." + key] = value;
  const auto choices = parse_json(plan.choices());
  if (choices.is_object() && choices.contains("choices") && choices["choices"].is_object())
    for (const auto& [key, value] : choices["choices"].items())
      entries["choices." + key] = text_of(value);
  return result;
}

/// Canonical names where there is a known part, so that layouts compare; else the file's own.
NamedTensors read_side(const std::filesystem::path& path) {
  if (is_plan(path)) return read_plan(path);
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  try {
    return load_checkpoint(path).tensors;
  } catch (const Error& error) {
    const bool other =
        error.kind() == ErrorKind::bad_file || error.kind() == ErrorKind::unsupported;
    if (folder || !other) throw;
  }
  return read_tensor_file(path).tensors;
}

template <class Stored, class Convert>
void widen(const std::byte* from, std::span<double> to, const Convert& convert) {
  for (double& value : to) {
    Stored stored;
    std::memcpy(&stored, from, sizeof stored);
    value = static_cast<double>(convert(stored));
    from += sizeof stored;
  }
}

/// `to.size()` values from number `first` on. Every type's values fit, but i64's beyond 2^53.
void read_values(const Tensor& tensor, size_t first, std::span<double> to) {
  const std::byte* from = tensor.bytes().data() + first * size_of(tensor.dtype());
  const auto same = [](auto value) { return value; };
  switch (tensor.dtype()) {
    case DType::f32: return widen<float>(from, to, same);
    case DType::f64: return widen<double>(from, to, same);
    case DType::f16: return widen<uint16_t>(from, to, half_to_float);
    case DType::bf16: return widen<uint16_t>(from, to, bfloat_to_float);
    case DType::i64: return widen<int64_t>(from, to, same);
    case DType::i32: return widen<int32_t>(from, to, same);
    case DType::i16: return widen<int16_t>(from, to, same);
    case DType::i8: return widen<int8_t>(from, to, same);
    case DType::u8:
    case DType::boolean: return widen<uint8_t>(from, to, same);
    case DType::f8:
      return widen<uint8_t>(from, to, [](uint8_t b) { return from_eight_bits(b, DType::f8); });
  }
}

bool equal_bytes(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() &&
         (a.bytes().empty() ||
          std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0);
}

void compare_values(const Tensor& a, const Tensor& b, TensorDifference& found) {
  std::array<double, 4096> of_a, of_b;
  double magnitude = 0;
  const auto count = static_cast<size_t>(a.type().elements());
  for (size_t first = 0; first < count; first += of_a.size()) {
    const size_t part = std::min(of_a.size(), count - first);
    read_values(a, first, std::span(of_a).first(part));
    read_values(b, first, std::span(of_b).first(part));
    for (size_t i = 0; i < part; ++i) {
      const double x = of_a[i], y = of_b[i];
      if (std::isfinite(x)) magnitude = std::max(magnitude, std::abs(x));
      if (x == y || (std::isnan(x) && std::isnan(y))) continue;
      ++found.values;
      const double apart = std::abs(y - x);
      found.largest = std::max(found.largest,
                               std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart);
    }
  }
  if (found.largest > 0)
    found.relative =
        magnitude > 0 ? found.largest / magnitude : std::numeric_limits<double>::infinity();
}

TensorDifference compare(const std::string& name, const Tensor& a, const Tensor& b) {
  TensorDifference found{.name = name, .module = block_of(name)};
  found.type_a = to_string(a.type());
  found.type_b = to_string(b.type());
  found.same_shape = a.shape() == b.shape();
  if (found.same_shape) compare_values(a, b, found);
  return found;
}

std::string listed(const std::string& name, const Tensor& tensor) {
  return fmt::format("{} {}", printable(name), to_string(tensor.type()));
}

/// Calls with each key of either map: (key, what a has, what b has), null where it has none.
template <class Map, class Visit>
void for_each_of_both(const Map& a, const Map& b, const Visit& visit) {
  auto ia = a.begin();
  auto ib = b.begin();
  while (ia != a.end() || ib != b.end()) {
    const bool of_a = ib == b.end() || (ia != a.end() && ia->first <= ib->first);
    const bool of_b = ia == a.end() || (ib != b.end() && ib->first <= ia->first);
    const std::string& key = of_a ? ia->first : ib->first;
    visit(key, of_a ? &ia->second : nullptr, of_b ? &ib->second : nullptr);
    if (of_a) ++ia;
    if (of_b) ++ib;
  }
}

CheckpointDifference compare(const NamedTensors& a, const NamedTensors& b,
                             const std::function<bool()>& stop) {
  CheckpointDifference result;
  for_each_of_both(
      a.tensors, b.tensors, [&](const std::string& name, const Tensor* of_a, const Tensor* of_b) {
        if (stop && stop()) fail(ErrorKind::cancelled, "cancelled");
        ModuleDifference& module = result.modules[block_of(name)];
        if (!of_b) {
          result.only_a.push_back(listed(name, *of_a));
          ++module.only_a;
        } else if (!of_a) {
          result.only_b.push_back(listed(name, *of_b));
          ++module.only_b;
        } else if (equal_bytes(*of_a, *of_b)) {
          ++result.equal;
          ++module.equal;
        } else {
          const auto& found = result.different.emplace_back(compare(name, *of_a, *of_b));
          ++module.different;
          module.relative = std::max(module.relative, found.relative);
        }
        if (of_a) a.release_pages(*of_a);
        if (of_b) b.release_pages(*of_b);
      });
  for_each_of_both(a.metadata, b.metadata,
                   [&](const std::string& key, const std::string* of_a, const std::string* of_b) {
                     if (of_a && of_b && *of_a == *of_b) return;
                     result.metadata.push_back({key, of_a ? *of_a : "", of_b ? *of_b : ""});
                   });
  return result;
}

}  // namespace

CheckpointDifference difference(const std::filesystem::path& a, const std::filesystem::path& b,
                                const std::function<bool()>& stop) {
  return at_border(a.string() + " and " + b.string(), stop, [&](const auto& own) {
    const bool a_is_plan = is_plan(a);
    if (a_is_plan != is_plan(b))
      fail(ErrorKind::bad_argument, "{} is a plan and {} is none, expected two of either",
           (a_is_plan ? a : b).string(), (a_is_plan ? b : a).string());
    return compare(read_side(a), read_side(b), own);
  });
}

}  // namespace drypoint

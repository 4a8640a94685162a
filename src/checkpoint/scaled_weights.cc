#include "checkpoint/scaled_weights.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

constexpr std::string_view weight_end = ".weight", scale_end = ".scale_weight",
                           input_end = ".scale_input", mark = "scaled_fp8";

/// weight [O, ...] of f8 times scales [1] or [O] -> f16
Tensor scaled(const Tensor& weight, std::span<const float> scales) {
  Tensor result({DType::f16, weight.shape()});
  const auto from = weight.bytes();
  auto* to = reinterpret_cast<uint16_t*>(result.mutable_bytes().data());
  const size_t share = from.size() / scales.size();
  for (size_t i = 0; i < from.size(); ++i)
    to[i] = float_to_half(from_eight_bits(std::to_integer<uint8_t>(from[i]), DType::f8) *
                          scales[i / share]);
  return result;
}

}  // namespace

void apply_weight_scales(NamedTensors& tensors, const std::string& file) {
  std::vector<std::string> done;
  for (const auto& [name, scale] : tensors.tensors) {
    const bool is_scale = name.ends_with(scale_end);
    if (is_scale || name.ends_with(input_end) || name == mark || name.ends_with(".scaled_fp8"))
      done.push_back(name);
    if (!is_scale) continue;
    const std::string weight =
        name.substr(0, name.size() - scale_end.size()) + std::string(weight_end);
    const auto found = tensors.tensors.find(weight);
    if (found == tensors.tensors.end())
      fail(ErrorKind::bad_file, "{}: {} is the scale of {}, which is not there", file,
           printable(name), printable(weight));
    const Tensor values = scale.to_f32();
    const auto count = static_cast<int64_t>(values.floats().size());
    const Shape& shape = found->second.shape();
    if (found->second.dtype() != DType::f8 || shape.empty() || (count != 1 && count != shape[0]) ||
        std::ranges::any_of(values.floats(), [](float s) { return !std::isfinite(s); }))
      fail(ErrorKind::bad_file,
           "{}: {} {} is no scale of {} {}, expected one finite number, or one a row, of a weight "
           "of f8_e4m3",
           file, printable(name), to_string(scale.type()), printable(weight),
           to_string(found->second.type()));
    if (found->second.type().elements() > 0) found->second = scaled(found->second, values.floats());
  }
  // Files without weights of eight bits may use these names otherwise.
  if (std::ranges::none_of(done, [](const auto& name) { return name.ends_with(scale_end); }) &&
      !tensors.has(mark))
    return;
  for (const std::string& name : done) tensors.tensors.erase(name);
}

}  // namespace drypoint

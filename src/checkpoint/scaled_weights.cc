#include "checkpoint/scaled_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/convrot.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> scale_ends{".scale_weight", ".weight_scale"};
constexpr std::string_view mark_end = ".comfy_quant", old_mark = "scaled_fp8";
constexpr const char* header_marks = "_quantization_metadata";

/// The layer of a scale.
std::optional<std::string> scaled_layer(std::string_view name) {
  for (const std::string_view end : scale_ends)
    if (name.ends_with(end)) return std::string(name.substr(0, name.size() - end.size()));
  return std::nullopt;
}

struct Mark {
  DType dtype = DType::f8;
  int64_t rotation = 0;  ///< inputs that are rotated together; 0: none
};

class Marks {
 public:
  Marks(const NamedTensors& tensors, std::string file) : file_(std::move(file)) {
    for (const auto& [name, tensor] : tensors.tensors) {
      if (!name.ends_with(mark_end)) continue;
      if (tensor.dtype() != DType::u8)
        fail(ErrorKind::bad_file, "{}: {}: found {}, expected JSON as u8", file_, printable(name),
             to_string(tensor.type()));
      const auto bytes = tensor.bytes();
      add(name.substr(0, name.size() - mark_end.size()),
          parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    }
    const auto header = tensors.metadata.find(header_marks);
    if (header == tensors.metadata.end()) return;
    const json all = parse_json(header->second);
    if (!all.is_object() || !all.contains("layers") || !all["layers"].is_object())
      fail(ErrorKind::bad_file, "{}: {}: found {}, expected \"layers\"", file_, header_marks,
           printable(header->second));
    for (const auto& [layer, mark] : all["layers"].items()) add(layer, mark);
  }

  const Mark* find(const std::string& layer) const {
    const auto found = marks_.find(layer);
    return found == marks_.end() ? nullptr : &found->second;
  }

 private:
  void add(const std::string& layer, const json& said) {
    const auto refuse = [&](ErrorKind kind, std::string_view expected) {
      fail(kind, "{}: {} is quantised as {}, expected {}", file_, printable(layer),
           said.is_discarded() ? "no JSON" : printable(said.dump()), expected);
    };
    if (!said.is_object() || !said.contains("format") || !said["format"].is_string())
      refuse(ErrorKind::bad_file, "an object with a format");
    Mark& mark = marks_[layer];
    const auto& format = said["format"].get_ref<const std::string&>();
    if (format == "int8_tensorwise")
      mark.dtype = DType::i8;
    else if (format != "float8_e4m3fn")
      refuse(ErrorKind::unsupported, "float8_e4m3fn or int8_tensorwise");
    const auto is_rotated = said.find("convrot");
    if (is_rotated != said.end() && !is_rotated->is_boolean())
      refuse(ErrorKind::bad_file, "convrot to be true or false");
    if (is_rotated != said.end() && is_rotated->get<bool>()) {
      const auto group = said.find("convrot_groupsize");
      if (group != said.end() && (!group->is_number_integer() || group->get<int64_t>() <= 0))
        refuse(ErrorKind::bad_file, "convrot_groupsize to be a whole number from 4");
      mark.rotation = group == said.end() ? 256 : group->get<int64_t>();
    }
    // What how the product is computed, and where the weight came from, do not change the weight.
    for (const auto& [key, _] : said.items())
      if (key != "format" && !key.starts_with("convrot") && key != "per_row" &&
          key != "full_precision_matrix_mult" && !key.starts_with("orig"))
        refuse(ErrorKind::unsupported, "no " + printable(key));
  }

  std::string file_;
  std::map<std::string, Mark> marks_;
};

/// weight [O, ...] of eight bits times scales [1] or [O], turned back -> f16
Tensor scaled(const Tensor& weight, std::span<const float> scales, int64_t rotation) {
  Tensor result({DType::f16, weight.shape()});
  const auto from = weight.bytes();
  auto* to = reinterpret_cast<uint16_t*>(result.mutable_bytes().data());
  const size_t rows = static_cast<size_t>(weight.shape()[0]), depth = from.size() / rows;
  std::vector<float> row(depth);
  for (size_t o = 0; o < rows; ++o) {
    for (size_t i = 0; i < depth; ++i)
      row[i] = from_eight_bits(std::to_integer<uint8_t>(from[o * depth + i]), weight.dtype()) *
               scales[scales.size() == 1 ? 0 : o];
    if (rotation > 0) rotate(row, rotation);
    std::ranges::transform(row, to + o * depth, float_to_half);
  }
  return result;
}

void scale_weight(NamedTensors& tensors, const std::string& layer, const std::string& scale_name,
                  const Marks& marks, const std::string& file) {
  const std::string name = layer + ".weight";
  const auto found = tensors.tensors.find(name);
  if (found == tensors.tensors.end())
    fail(ErrorKind::bad_file, "{}: {} is the scale of {}, which is not there", file,
         printable(scale_name), printable(name));
  Tensor& weight = found->second;
  const Tensor& scale = tensors.at(scale_name);
  const Mark* mark = marks.find(layer);
  const Tensor values = scale.to_f32();
  const auto count = static_cast<int64_t>(values.floats().size());
  const Shape& shape = weight.shape();
  if (!is_eight_bits(weight.dtype()) || (mark && mark->dtype != weight.dtype()) || shape.empty() ||
      (count != 1 && count != shape[0]) ||
      std::ranges::any_of(values.floats(), [](float s) { return !std::isfinite(s); }))
    fail(ErrorKind::bad_file,
         "{}: {} {} is no scale of {} {}, expected one finite number, or one a row, of a weight "
         "of {}",
         file, printable(scale_name), to_string(scale.type()), printable(name),
         to_string(weight.type()), mark ? drypoint::name(mark->dtype) : "f8_e4m3 or i8");
  const int64_t rotation = mark ? mark->rotation : 0;
  if (rotation != 0 && (shape.size() != 2 || !is_rotation(rotation, shape[1])))
    fail(ErrorKind::bad_file,
         "{}: {} {} is rotated by {}, expected a power of 4 that divides a matrix's columns", file,
         printable(name), to_string(weight.type()), rotation);
  if (weight.type().elements() > 0) weight = scaled(weight, values.floats(), rotation);
}

}  // namespace

void apply_weight_scales(NamedTensors& tensors, const std::string& file) {
  const Marks marks(tensors, file);
  std::vector<std::string> done;
  bool is_scaled = tensors.has(old_mark);
  for (const auto& [name, _] : tensors.tensors) {
    const auto layer = scaled_layer(name);
    is_scaled |= layer.has_value();
    if (layer || name == old_mark || name.ends_with(".scaled_fp8") || name.ends_with(mark_end))
      done.push_back(name);
    if (layer) scale_weight(tensors, *layer, name, marks, file);
  }
  // Files without weights of eight bits may use these names otherwise.
  if (!is_scaled) return;
  for (const std::string& name : done) tensors.tensors.erase(name);
}

}  // namespace drypoint

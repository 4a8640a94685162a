#include "checkpoint/quantizers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

constexpr std::array<std::string_view, 2> input_scale_ends{".input_scale", ".scale_input"};

/// "X.input_quantizer._amax" -> {"X", "input_quantizer", "_amax"}
struct QuantizerName {
  std::string layer, quantizer, leaf;
};

std::optional<QuantizerName> parse(std::string_view name) {
  for (size_t begin = 0, dot = 0; (dot = name.find('.', begin)) != name.npos; begin = dot + 1) {
    const std::string_view part = name.substr(begin, dot - begin);
    if (begin == 0 || (!part.ends_with("_quantizer") && part != "activation_post_process" &&
                       part != "weight_fake_quant"))
      continue;
    std::string_view leaf = name.substr(dot + 1);
    leaf.remove_prefix(leaf.rfind('.') + 1);  // an observer within
    return QuantizerName{std::string(name.substr(0, begin - 1)), std::string(part),
                         std::string(leaf)};
  }
  return std::nullopt;
}

class Quantizers {
 public:
  Quantizers(NamedTensors& tensors, std::string file) : tensors_(tensors), file_(std::move(file)) {}

  void take() {
    collect();
    for (auto& [layer, own] : found_) {
      for (const char* quantizer : {"input_quantizer", "_input_quantizer"}) {
        if (const Tensor* most = own.find(quantizer, "_amax")) add(layer, largest_of(layer, *most));
        if (const Tensor* factors = own.find(quantizer, "_pre_quant_scale"))
          tensors_.tensors.insert_or_assign(layer + std::string(input_factors_end),
                                            factors->to_f32());
      }
      if (const auto range = range_of(layer, own, "activation_fake_quantizer")) add(layer, *range);
      if (const auto range = range_of(layer, own, "activation_post_process"))
        add_after(layer, *range);
    }
    take_scales();
    unwrap();
  }

 private:
  struct Own {
    std::map<std::pair<std::string, std::string>, Tensor> leaves;  // of a quantiser

    const Tensor* find(const std::string& quantizer, const std::string& leaf) const {
      const auto found = leaves.find({quantizer, leaf});
      return found == leaves.end() ? nullptr : &found->second;
    }
  };

  void collect() {
    std::erase_if(tensors_.tensors, [&](const auto& named) {
      auto name = parse(named.first);
      if (!name) return false;
      found_[name->layer].leaves[{name->quantizer, name->leaf}] = named.second;
      return true;
    });
    std::erase_if(tensors_.unusable, [](const auto& named) { return parse(named.first); });
  }

  [[noreturn]] void refuse(const std::string& layer, std::string_view found) const {
    fail(ErrorKind::bad_file, "{}: the range of what enters {} is {}, expected a number from 0",
         file_, printable(layer), found);
  }

  float largest_of(const std::string& layer, const Tensor& tensor) const {
    float most = 0;
    const Tensor values = tensor.to_f32();
    for (const float value : values.floats()) {
      if (!std::isfinite(value) || value < 0) refuse(layer, fmt::to_string(value));
      most = std::max(most, value);
    }
    return most;
  }

  float only_one(const std::string& layer, const Tensor& tensor) const {
    if (tensor.type().elements() != 1) refuse(layer, to_string(tensor.type()));
    const Tensor value = tensor.to_f32();
    return value.floats()[0];
  }

  /// What was seen counts, else what the scale of 8 bits reaches, symmetric as they are here.
  std::optional<float> range_of(const std::string& layer, const Own& own,
                                const std::string& quantizer) const {
    const Tensor *low = own.find(quantizer, "min_val"), *high = own.find(quantizer, "max_val");
    if (low && high && low->type().elements() > 0) {
      const float from = only_one(layer, *low), to = only_one(layer, *high);
      if (from > to) return std::nullopt;  // nothing was seen
      return largest_of(layer, make_tensor({2}, std::vector{std::fabs(from), std::fabs(to)}));
    }
    const Tensor *scale = own.find(quantizer, "scale"), *zero = own.find(quantizer, "zero_point");
    if (!scale) return std::nullopt;
    // Signed numbers reach from -128 to 127, unsigned ones, which have a positive zero, to 255.
    const float point = zero ? only_one(layer, *zero) : 0;
    if (!(point >= -128 && point <= 255)) refuse(layer, fmt::format("about {}", point));
    const float steps =
        point > 0 ? std::max(point, 255 - point) : std::max(point + 128, 127 - point);
    return largest_of(layer, *scale) * (point == 0 ? largest(DType::i8) : steps);
  }

  void add(const std::string& layer, float range) {
    tensors_.tensors.insert_or_assign(layer + std::string(range_end),
                                      make_tensor({1}, std::vector{range}));
  }

  /// Of a layer's result.
  void add_after(const std::string& layer, float range) {
    constexpr std::string_view wrapper = ".quant";
    if (layer.ends_with(wrapper)) {
      add(layer.substr(0, layer.size() - wrapper.size()), range);
      wrapped_.push_back(layer.substr(0, layer.size() - wrapper.size()));
    }
    constexpr std::pair<std::string_view, std::string_view> next[] = {
        {".norm1", ".attn1.to_q"}, {".norm2", ".attn2.to_q"}, {".norm3", ".ff.net.0.proj"}};
    for (const auto& [norm, reader] : next)
      if (layer.ends_with(norm))
        add(layer.substr(0, layer.size() - norm.size()) + std::string(reader), range);
  }

  /// Beside weights of eight bits.
  void take_scales() {
    std::vector<std::pair<std::string, float>> ranges;
    std::erase_if(tensors_.tensors, [&](const auto& named) {
      for (const std::string_view end : input_scale_ends) {
        if (!named.first.ends_with(end)) continue;
        const std::string layer = named.first.substr(0, named.first.size() - end.size());
        const Tensor* weight = tensors_.find(layer + ".weight");
        if (!weight || !is_eight_bits(weight->dtype())) return false;
        const float scale = largest_of(layer, named.second);
        if (scale != 1) ranges.emplace_back(layer, scale * largest(weight->dtype()));
        return true;
      }
      return false;
    });
    for (const auto& [layer, range] : ranges) add(layer, range);
  }

  void unwrap() {
    for (const std::string& layer : wrapped_)
      for (const char* leaf : {".weight", ".bias"})
        if (auto node = tensors_.tensors.extract(layer + ".module" + leaf)) {
          node.key() = layer + leaf;
          tensors_.tensors.insert(std::move(node));
        }
  }

  NamedTensors& tensors_;
  std::string file_;
  std::map<std::string, Own> found_;
  std::vector<std::string> wrapped_;
};

}  // namespace

void take_quantizers(NamedTensors& tensors, const std::string& file) {
  Quantizers(tensors, file).take();
}

void fold_input_factors(NamedTensors& tensors, const std::string& file) {
  for (auto& [name, factors] : tensors.tensors) {
    if (!name.ends_with(input_factors_end)) continue;
    const std::string weight_name =
        name.substr(0, name.size() - input_factors_end.size()) + ".weight";
    const auto weight = tensors.tensors.find(weight_name);
    if (weight == tensors.tensors.end())
      fail(ErrorKind::bad_file, "{}: {} is for {}, which is not there", file, printable(name),
           printable(weight_name));
    const Tensor by = factors.to_f32();
    const auto is_wrong = [](float f) {
      return !(f > 0 && std::isfinite(f) && std::isfinite(1 / f));
    };
    const Shape& shape = weight->second.shape();
    if (!is_float(weight->second.dtype()) || shape.size() != 2 ||
        by.type().elements() != shape[1] || std::ranges::any_of(by.floats(), is_wrong))
      fail(ErrorKind::bad_file, "{}: {} {} does not fit {} {}, expected a positive number a column",
           file, printable(name), to_string(factors.type()), printable(weight_name),
           to_string(weight->second.type()));
    const Tensor from = weight->second.to_f32();
    Tensor product({DType::f32, shape});
    const size_t depth = by.floats().size();
    for (size_t i = 0; i < from.floats().size(); ++i)
      product.mutable_floats()[i] = from.floats()[i] * by.floats()[i % depth];
    weight->second = std::move(product);
  }
}

}  // namespace drypoint

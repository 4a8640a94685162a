// DoRA (https://arxiv.org/abs/2402.09353): magnitudes m of outputs, or of inputs, beside another
// adapter's difference D: W' = m (W + D) / |W + D|, the norm over all but that axis. At other
// strengths than 1 W + strength (W' - W), as the web UI has it.
#include <cmath>

#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

/// Which magnitude is that of a value.
struct Axis {
  size_t inputs, taps;
  bool of_inputs;

  /// Calls body(i, magnitude) for each of some rows' values; those of outputs count from the first.
  template <class Body>
  void for_each(size_t count, const Body& body) const {
    for (size_t i = 0, o = 0; i < count; ++o)
      for (size_t in = 0; in < inputs; ++in)
        for (size_t k = 0; k < taps; ++k) body(i++, of_inputs ? in : o);
  }
  /// Magnitudes divided by the lengths of what they are for.
  std::vector<double> factors(std::span<const float> magnitudes,
                              std::span<const float> values) const {
    std::vector<double> result(magnitudes.size());
    for_each(values.size(),
             [&](size_t i, size_t at) { result[at] += double{values[i]} * double{values[i]}; });
    for (size_t at = 0; at < result.size(); ++at)
      result[at] = result[at] > 0 ? double{magnitudes[at]} / std::sqrt(result[at]) : 0;
    return result;
  }
};

class Dora : public WeightChange {
 public:
  Dora(MadeDifference direction, Tensor magnitudes, bool of_inputs)
      : direction_(std::move(direction)),
        magnitudes_(std::move(magnitudes)),
        of_inputs_(of_inputs) {}

  std::string kind() const override { return "DoRA of " + direction_->kind(); }
  int64_t rank() const override { return direction_->rank(); }
  std::optional<double> alpha() const override { return direction_->alpha(); }
  std::optional<int64_t> columns() const override { return direction_->columns(); }
  bool fits(const Shape& shape) const override {
    if (!direction_->fits(shape) || shape.size() < 2) return false;
    return magnitudes_.type().elements() == (of_inputs_ ? shape[1] : shape[0]);
  }
  RowsChange begin(const WeightRows& weight, double strength) const override {
    const auto inputs = static_cast<size_t>(weight.shape()[1]), size = weight.row_size();
    const Axis axis{.inputs = inputs, .taps = size / inputs, .of_inputs = of_inputs_};
    const auto turned = [direction = direction_->begin(weight, 1)](
                            int64_t first, std::span<const float> original) {
      std::vector<float> rows(original.begin(), original.end());
      direction(first, rows, original);
      return rows;
    };
    const Tensor magnitudes = magnitudes_.to_f32();
    std::vector<double> of_inputs;  // all rows have a share in each
    if (of_inputs_)
      of_inputs = axis.factors(magnitudes.floats(), turned(0, weight.whole().floats()));
    return [=, factor = static_cast<float>(strength)](int64_t first, std::span<float> rows,
                                                      std::span<const float> original) {
      const std::vector<float> changed = turned(first, original);
      const auto own = [&] {
        return magnitudes.floats().subspan(static_cast<size_t>(first), rows.size() / size);
      };
      const std::vector<double> factors = axis.of_inputs ? of_inputs : axis.factors(own(), changed);
      axis.for_each(rows.size(), [&](size_t i, size_t at) {
        rows[i] += factor * (static_cast<float>(changed[i] * factors[at]) - original[i]);
      });
    };
  }
  double norm() const override { return direction_->norm(); }

 private:
  MadeDifference direction_;
  Tensor magnitudes_;
  bool of_inputs_;
};

}  // namespace

MadeChange with_dora(MadeDifference direction, ModuleTensors& module) {
  // PEFT's are of outputs always: [out], for convolutions [1, out, 1, 1].
  const bool is_peft = module.has("lora_magnitude_vector");
  const char* role = is_peft ? "lora_magnitude_vector" : "dora_scale";
  if (!module.has(role)) return direction;
  Tensor magnitudes = module.take_at_least(role, 1);
  const Shape& shape = magnitudes.shape();
  const int64_t count = magnitudes.type().elements();
  const bool of_outputs = is_peft || shape[0] == count;
  module.expect(of_outputs || (shape[0] == 1 && shape[1] == count), role,
                "[out, 1, ...] or [1, in, ...]");
  return std::make_unique<Dora>(std::move(direction), std::move(magnitudes), !of_outputs);
}

}  // namespace drypoint

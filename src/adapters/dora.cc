// DoRA (https://arxiv.org/abs/2402.09353): magnitudes m of outputs, or of inputs, beside another
// adapter's difference D: W' = m (W + D) / |W + D|, the norm over all but that axis. At other
// strengths than 1 W + strength (W' - W), as the web UI has it.
#include <cmath>

#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Dora : public Replacement {
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
  Tensor result(const Tensor& weight) const override {
    Tensor changed = make_tensor(weight.shape(), weight.floats());
    direction_->apply(changed, weight, 1);
    const auto values = changed.mutable_floats();
    const Tensor m = magnitudes_.to_f32();
    const Shape& shape = weight.shape();
    const auto outputs = static_cast<size_t>(shape[0]), inputs = static_cast<size_t>(shape[1]),
               taps = values.size() / (outputs * inputs);
    std::vector<double> squares(m.floats().size());
    const auto for_each = [&](const auto& body) {
      for (size_t o = 0; o < outputs; ++o)
        for (size_t i = 0; i < inputs; ++i)
          for (size_t k = 0; k < taps; ++k)
            body(values[(o * inputs + i) * taps + k], of_inputs_ ? i : o);
    };
    for_each([&](float value, size_t at) { squares[at] += double{value} * double{value}; });
    for (size_t at = 0; at < squares.size(); ++at)
      squares[at] = squares[at] > 0 ? double{m.floats()[at]} / std::sqrt(squares[at]) : 0;
    for_each([&](float& value, size_t at) { value = static_cast<float>(value * squares[at]); });
    return changed;
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

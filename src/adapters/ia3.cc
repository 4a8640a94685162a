// IA3 (https://arxiv.org/abs/2205.05638), as LyCORIS has it: W + strength * W o w, w of the
// outputs or the inputs.
#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Ia3 : public WeightChange {
 public:
  Ia3(Tensor factors, bool on_input) : factors_(std::move(factors)), on_input_(on_input) {}

  std::string kind() const override { return "IA3"; }
  bool fits(const Shape& shape) const override {
    return shape.size() >= 2 && factors_.type().elements() == shape[on_input_ ? 1 : 0];
  }
  RowsChange begin(const WeightRows& weight, double strength) const override {
    const auto inputs = static_cast<size_t>(weight.shape()[1]), size = weight.row_size(),
               taps = size / inputs;
    return [=, factors = factors_.to_f32(), on_input = on_input_](
               int64_t first, std::span<float> rows, std::span<const float> original) {
      for (size_t i = 0; i < rows.size(); ++i) {
        const size_t at = on_input ? i / taps % inputs : static_cast<size_t>(first) + i / size;
        rows[i] +=
            static_cast<float>(strength * double{factors.floats()[at]} * double{original[i]});
      }
    };
  }
  double norm() const override { return norm_of(factors_); }

 private:
  Tensor factors_;
  bool on_input_;
};

}  // namespace

MadeChange make_ia3(ModuleTensors& module) {
  if (!module.has("on_input")) return nullptr;
  const bool on_input = *module.take_number("on_input") != 0;
  return std::make_unique<Ia3>(module.take_at_least("weight", 1), on_input);
}

}  // namespace drypoint

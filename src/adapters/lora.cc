// LoRA (https://arxiv.org/abs/2106.09685), and its convolutions (LoCon), where a Tucker core `mid`
// may stand between both: alpha / rank * up (mid) down.
#include <fmt/format.h>

#include <cmath>

#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Lora : public Difference {
 public:
  Lora(Tensor up, Tensor down, std::optional<Tensor> mid, std::optional<double> alpha)
      : up_(std::move(up)), down_(std::move(down)), mid_(std::move(mid)), alpha_(alpha) {}

  std::string kind() const override {
    return down_.shape().size() > 2 && columns_of(kernel()) > 1 ? "LoCon" : "LoRA";
  }
  int64_t rank() const override { return rows_of(down_.shape()); }
  std::optional<double> alpha() const override { return alpha_; }
  std::optional<int64_t> columns() const override { return down_.shape()[1]; }
  bool fits(const Shape& shape) const override {
    const int64_t columns =
        mid_ ? columns_of(down_.shape()) * columns_of(kernel()) : columns_of(down_.shape());
    return rows_of(shape) == rows_of(up_.shape()) && columns_of(shape) == columns;
  }
  Tensor delta() const override {
    if (mid_) return tucker(*mid_, transposed(up(scale())), as_matrix(down_));
    return multiply(up(scale()), as_matrix(down_));
  }
  RowsChange begin(const WeightRows& original, double strength) const override {
    if (mid_) return Difference::begin(original, strength);
    return add_product(up(scale() * strength), as_matrix(down_));
  }
  double norm() const override {
    if (mid_) return norm_of(delta());
    return std::abs(scale()) * norm_of_product(as_matrix(up_), as_matrix(down_));
  }

 private:
  double scale() const { return alpha_ ? *alpha_ / static_cast<double>(rank()) : 1; }
  /// Times a factor, which the smaller of both matrices takes.
  Tensor up(double factor) const {
    Tensor up = make_tensor(as_matrix(up_).shape(), as_matrix(up_).floats());
    for (float& value : up.mutable_floats()) value = static_cast<float>(value * factor);
    return up;
  }
  /// [1, taps]
  Shape kernel() const {
    const Shape& shape = mid_ ? mid_->shape() : down_.shape();
    return {1, shape.size() < 3 ? 1 : element_count({shape.begin() + 2, shape.end()})};
  }

  Tensor up_, down_;
  std::optional<Tensor> mid_;
  std::optional<double> alpha_;
};

}  // namespace

MadeDifference make_lora(ModuleTensors& module) {
  if (!module.has("lora_up") && !module.has("lora_down")) return nullptr;
  Tensor up = module.take_at_least("lora_up", 2), down = module.take_at_least("lora_down", 2);
  const int64_t rank = rows_of(down.shape());
  module.expect(columns_of(up.shape()) == (module.has("lora_mid") ? up.shape()[1] : rank),
                "lora_up", fmt::format("[out, {}]", rank));
  std::optional<Tensor> mid;
  if (module.has("lora_mid")) {
    mid = module.take_at_least("lora_mid", 3);
    module.expect(mid->shape()[0] == up.shape()[1] && mid->shape()[1] == rank, "lora_mid",
                  fmt::format("[{}, {}, ...]", up.shape()[1], rank));
    module.expect(columns_of(down.shape()) == down.shape()[1], "lora_down", "[rank, in, 1, 1]");
    module.expect(
        is_bearable(rows_of(up.shape()), mid->type().elements()) &&
            is_bearable(rows_of(up.shape()), down.shape()[1] * (mid->type().elements() / rank)),
        "lora_mid", fmt::format("a weight of at most {} elements", most_elements_changed));
  }
  return std::make_unique<Lora>(std::move(up), std::move(down), std::move(mid),
                                module.take_number("alpha"));
}

}  // namespace drypoint

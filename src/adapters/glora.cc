// GLoRA (https://arxiv.org/abs/2306.07967): alpha / rank * (W a1 a2 + b1 b2). Older files of
// LyCORIS have both products the other way round.
#include <cmath>

#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Glora : public WeightChange {
 public:
  Glora(Tensor a1, Tensor a2, Tensor b1, Tensor b2, std::optional<double> alpha)
      : a1_(std::move(a1)),
        a2_(std::move(a2)),
        b1_(std::move(b1)),
        b2_(std::move(b2)),
        alpha_(alpha) {}

  std::string kind() const override { return "GLoRA"; }
  int64_t rank() const override { return rows_of(b2_.shape()); }
  std::optional<double> alpha() const override { return alpha_; }
  std::optional<int64_t> columns() const override { return rows_of(a1_.shape()); }
  bool fits(const Shape& shape) const override {
    return shape.size() >= 2 && rows_of(shape) == rows_of(b1_.shape()) &&
           columns_of(shape) == columns_of(b2_.shape()) && shape[1] == rows_of(a1_.shape());
  }
  RowsChange begin(const WeightRows& weight, double strength) const override {
    const double scale = strength * (alpha_ ? *alpha_ / static_cast<double>(rank()) : 1);
    const int64_t inputs = weight.shape()[1], size = columns_of(weight.shape()),
                  taps = size / inputs;
    return [=, a1 = as_matrix(a1_), a2 = as_matrix(a2_),
            beside = multiply(as_matrix(b1_), as_matrix(b2_))](
               int64_t first, std::span<float> values, std::span<const float> original) {
      const int64_t outputs = static_cast<int64_t>(values.size()) / size;
      // [out, in, taps] -> for each output and tap a row of inputs
      const auto index = [&](int64_t o, int64_t i, int64_t k) {
        return static_cast<size_t>((o * inputs + i) * taps + k);
      };
      Tensor rows({DType::f32, {outputs * taps, inputs}});
      for (int64_t o = 0; o < outputs; ++o)
        for (int64_t k = 0; k < taps; ++k)
          for (int64_t i = 0; i < inputs; ++i)
            rows.mutable_floats()[static_cast<size_t>((o * taps + k) * inputs + i)] =
                original[index(o, i, k)];
      const Tensor through = multiply(multiply(rows, a1), a2);
      for (int64_t o = 0; o < outputs; ++o)
        for (int64_t i = 0; i < inputs; ++i)
          for (int64_t k = 0; k < taps; ++k)
            values[index(o, i, k)] += static_cast<float>(
                scale *
                (double{through.floats()[static_cast<size_t>((o * taps + k) * inputs + i)]} +
                 double{beside.floats()[index(first + o, i, k)]}));
    };
  }
  /// That of b1 b2.
  double norm() const override {
    return norm_of_product(as_matrix(b1_), as_matrix(b2_)) *
           std::abs(alpha_ ? *alpha_ / static_cast<double>(rank()) : 1);
  }

 private:
  Tensor a1_, a2_;  // [in, rank] [rank, in]
  Tensor b1_, b2_;  // [out, rank] [rank, in ...]
  std::optional<double> alpha_;
};

}  // namespace

MadeChange make_glora(ModuleTensors& module) {
  if (!module.has("a1.weight")) return nullptr;
  Tensor a1 = module.take_at_least("a1.weight", 2), a2 = module.take_at_least("a2.weight", 2),
         b1 = module.take_at_least("b1.weight", 2), b2 = module.take_at_least("b2.weight", 2);
  const auto follow = [](const Tensor& one, const Tensor& other) {
    return columns_of(one.shape()) == rows_of(other.shape());
  };
  // The rank is the smaller side.
  const bool in_order = columns_of(a1.shape()) <= rows_of(a1.shape());
  if (!in_order) {
    std::swap(a1, a2);
    std::swap(b1, b2);
  }
  module.expect(follow(a1, a2) && columns_of(a2.shape()) == rows_of(a1.shape()), "a1.weight",
                "[in, rank] and a2 [rank, in]");
  module.expect(follow(b1, b2), "b1.weight", "[out, rank] and b2 [rank, in]");
  return std::make_unique<Glora>(std::move(a1), std::move(a2), std::move(b1), std::move(b2),
                                 module.take_number("alpha"));
}

}  // namespace drypoint

// LoKr (https://arxiv.org/abs/2309.14859): alpha / rank * kron(w1, w2), each whole or of two
// factors, the second with a Tucker core t2 where convolutions have one. Where both are whole there
// is no rank, and alpha has no effect.
#include <fmt/format.h>

#include <cmath>

#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Lokr : public Difference {
 public:
  struct Factor {
    std::optional<Tensor> whole;
    std::optional<Tensor> a, b, core;
    int64_t rank() const { return b ? rows_of(b->shape()) : 0; }
    Shape shape() const {
      if (whole) return {rows_of(whole->shape()), columns_of(whole->shape())};
      if (!core) return {rows_of(a->shape()), columns_of(b->shape())};
      return {a->shape()[1],
              b->shape()[1] * element_count({core->shape().begin() + 2, core->shape().end()})};
    }
    Tensor matrix() const {
      if (whole) return as_matrix(*whole);
      return core ? tucker(*core, as_matrix(*a), as_matrix(*b))
                  : multiply(as_matrix(*a), as_matrix(*b));
    }
    double norm() const {
      return whole || core ? norm_of(matrix()) : norm_of_product(as_matrix(*a), as_matrix(*b));
    }
  };

  Lokr(Factor first, Factor second, std::optional<double> alpha)
      : first_(std::move(first)), second_(std::move(second)), alpha_(alpha) {}

  std::string kind() const override { return "LoKr"; }
  int64_t rank() const override { return second_.rank() > 0 ? second_.rank() : first_.rank(); }
  std::optional<double> alpha() const override { return alpha_; }
  bool fits(const Shape& shape) const override {
    return rows_of(shape) == first_.shape()[0] * second_.shape()[0] &&
           columns_of(shape) == first_.shape()[1] * second_.shape()[1];
  }
  std::optional<int64_t> columns() const override { return first_.shape()[1] * second_.shape()[1]; }
  Tensor delta() const override {
    const Tensor one = first_.matrix(), two = second_.matrix();
    const auto a = static_cast<size_t>(one.shape()[0]), b = static_cast<size_t>(one.shape()[1]),
               c = static_cast<size_t>(two.shape()[0]), d = static_cast<size_t>(two.shape()[1]);
    Tensor result({DType::f32, {static_cast<int64_t>(a * c), static_cast<int64_t>(b * d)}});
    const auto to = result.mutable_floats();
    size_t next = 0;
    for (size_t i = 0; i < a; ++i)
      for (size_t j = 0; j < c; ++j)
        for (size_t k = 0; k < b; ++k) {
          const auto factor = static_cast<float>(scale() * double{one.floats()[i * b + k]});
          for (size_t l = 0; l < d; ++l) to[next++] = factor * two.floats()[j * d + l];
        }
    return result;
  }
  double norm() const override { return std::abs(scale()) * first_.norm() * second_.norm(); }

 private:
  double scale() const { return alpha_ && rank() > 0 ? *alpha_ / static_cast<double>(rank()) : 1; }

  Factor first_, second_;
  std::optional<double> alpha_;
};

Lokr::Factor take_kron_factor(ModuleTensors& module, const std::string& number) {
  const std::string w = "lokr_w" + number, a = w + "_a", b = w + "_b", t = "lokr_t" + number;
  Lokr::Factor factor;
  if (module.has(w)) {
    factor.whole = module.take_at_least(w, 2);
    return factor;
  }
  factor.a = module.take_at_least(a, 2);
  factor.b = module.take_at_least(b, 2);
  if (module.has(t)) {
    factor.core = module.take_at_least(t, 3);
    module.expect(factor.core->shape()[0] == factor.a->shape()[0] &&
                      factor.core->shape()[1] == factor.b->shape()[0],
                  t, "the ranks of " + a + " and " + b + " first");
    module.expect(factor.a->shape().size() == 2, a, "[rank, out]");
    module.expect(factor.b->shape().size() == 2, b, "[rank, in]");
  } else {
    module.expect(columns_of(factor.a->shape()) == rows_of(factor.b->shape()), a,
                  "as many columns as " + b + " has rows");
  }
  return factor;
}

}  // namespace

MadeDifference make_lokr(ModuleTensors& module) {
  const auto has = [&](const char* w) {
    return module.has(w) || module.has(std::string(w) + "_a") || module.has(std::string(w) + "_b");
  };
  if (!has("lokr_w1") && !has("lokr_w2")) return nullptr;
  Lokr::Factor first = take_kron_factor(module, "1"), second = take_kron_factor(module, "2");
  const Shape one = first.shape(), two = second.shape();
  const char* role = second.whole ? "lokr_w2" : "lokr_w2_a";
  module.expect(is_bearable(one[0], one[1]) && is_bearable(two[0], two[1]) &&
                    is_bearable(one[0] * one[1], two[0] * two[1]),
                role, fmt::format("a weight of at most {} elements", most_elements_changed));
  return std::make_unique<Lokr>(std::move(first), std::move(second), module.take_number("alpha"));
}

}  // namespace drypoint

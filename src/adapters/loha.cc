// LoHa (https://arxiv.org/abs/2108.06098): alpha / rank * (w1_a w1_b) o (w2_a w2_b), each product
// with a Tucker core t1 or t2 where convolutions have one.
#include <fmt/format.h>

#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Loha : public Difference {
 public:
  struct Factor {
    Tensor a, b;                 // [out, rank] [rank, in ...]
    std::optional<Tensor> core;  // then a is [rank, out]
    int64_t rows() const { return core ? a.shape()[1] : rows_of(a.shape()); }
    int64_t columns() const {
      return columns_of(b.shape()) *
             (core ? element_count({core->shape().begin() + 2, core->shape().end()}) : 1);
    }
    Tensor product() const {
      return core ? tucker(*core, as_matrix(a), as_matrix(b))
                  : multiply(as_matrix(a), as_matrix(b));
    }
  };

  Loha(Factor first, Factor second, std::optional<double> alpha)
      : first_(std::move(first)), second_(std::move(second)), alpha_(alpha) {}

  std::string kind() const override { return "LoHa"; }
  int64_t rank() const override { return rows_of(first_.b.shape()); }
  std::optional<double> alpha() const override { return alpha_; }
  std::optional<int64_t> columns() const override { return columns_of(first_.b.shape()); }
  bool fits(const Shape& shape) const override {
    return rows_of(shape) == first_.rows() && columns_of(shape) == first_.columns();
  }
  Tensor delta() const override {
    Tensor result = first_.product();
    const Tensor second = second_.product();
    const double scale = alpha_ ? *alpha_ / static_cast<double>(rank()) : 1;
    const auto to = result.mutable_floats();
    for (size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<float>(scale * double{to[i]} * double{second.floats()[i]});
    return result;
  }
  double norm() const override { return norm_of(delta()); }

 private:
  Factor first_, second_;
  std::optional<double> alpha_;
};

Loha::Factor take_factor(ModuleTensors& module, const std::string& number) {
  const std::string a = "hada_w" + number + "_a", b = "hada_w" + number + "_b",
                    t = "hada_t" + number;
  Loha::Factor factor{module.take_at_least(a, 2), module.take_at_least(b, 2), {}};
  if (module.has(t)) {
    factor.core = module.take_at_least(t, 3);
    module.expect(factor.core->shape()[0] == factor.a.shape()[0] &&
                      factor.core->shape()[1] == factor.b.shape()[0],
                  t, "the ranks of " + a + " and " + b + " first");
    module.expect(factor.a.shape().size() == 2, a, "[rank, out]");
    module.expect(factor.b.shape().size() == 2, b, "[rank, in]");
  } else {
    module.expect(columns_of(factor.a.shape()) == rows_of(factor.b.shape()), a,
                  "as many columns as " + b + " has rows");
  }
  return factor;
}

}  // namespace

MadeDifference make_loha(ModuleTensors& module) {
  if (!module.has("hada_w1_a") && !module.has("hada_w2_a")) return nullptr;
  Loha::Factor first = take_factor(module, "1"), second = take_factor(module, "2");
  module.expect(first.rows() == second.rows() && first.columns() == second.columns(), "hada_w2_a",
                "both products of one shape");
  module.expect(is_bearable(first.rows(), first.columns()), "hada_w1_a",
                fmt::format("a weight of at most {} elements", most_elements_changed));
  return std::make_unique<Loha>(std::move(first), std::move(second), module.take_number("alpha"));
}

}  // namespace drypoint

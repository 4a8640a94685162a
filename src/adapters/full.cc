// Whole differences (`diff`, `diff_b`), also of norms (`w_norm`, `b_norm`), and whole weights
// (`set_weight`).
#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

/// One of two names that mean the same.
std::optional<Tensor> take_either(ModuleTensors& module, const char* one, const char* other) {
  for (const char* role : {one, other})
    if (module.has(role)) return module.take_at_least(role, 1);
  return {};
}

class Full : public Difference {
 public:
  explicit Full(Tensor values) : values_(std::move(values)) {}
  std::string kind() const override { return "difference"; }
  std::optional<int64_t> columns() const override {
    if (values_.shape().size() < 2) return {};
    return values_.shape()[1];
  }
  bool fits(const Shape& shape) const override {
    return rows_of(shape) == rows_of(values_.shape()) &&
           columns_of(shape) == columns_of(values_.shape());
  }
  Tensor delta() const override { return values_.to_f32(); }
  double norm() const override { return norm_of(values_); }

 private:
  Tensor values_;
};

class Set : public Replacement {
 public:
  explicit Set(Tensor values) : values_(std::move(values)) {}
  std::string kind() const override { return "weight"; }
  bool fits(const Shape& shape) const override {
    return rows_of(shape) == rows_of(values_.shape()) &&
           columns_of(shape) == columns_of(values_.shape());
  }
  Tensor result(const Tensor&) const override { return values_.to_f32(); }
  double norm() const override { return norm_of(values_); }

 private:
  Tensor values_;
};

}  // namespace

MadeDifference make_full(ModuleTensors& module) {
  auto values = take_either(module, "diff", "w_norm");
  return values ? std::make_unique<Full>(std::move(*values)) : nullptr;
}

MadeDifference make_full_bias(ModuleTensors& module) {
  auto values = take_either(module, "diff_b", "b_norm");
  return values ? std::make_unique<Full>(std::move(*values)) : nullptr;
}

MadeChange make_set(ModuleTensors& module) {
  if (!module.has("set_weight")) return nullptr;
  return std::make_unique<Set>(module.take_at_least("set_weight", 1));
}

}  // namespace drypoint

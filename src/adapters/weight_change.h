// What an adapter does to one weight or bias.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/module_tensors.h"
#include "backend/weight_rows.h"

namespace drypoint {

/// Weights beyond this are nobody's: a file that claims one is refused, whatever it would take.
constexpr int64_t most_elements_changed = int64_t{1} << 27;
inline bool is_bearable(int64_t rows, int64_t columns) {
  return rows <= most_elements_changed / columns;
}

class WeightChange {
 public:
  virtual ~WeightChange() = default;
  virtual std::string kind() const = 0;       // "LoRA"
  virtual int64_t rank() const { return 0; }  // 0: it has none
  virtual std::optional<double> alpha() const { return {}; }
  /// Columns of the weights that it is for, where it tells.
  virtual std::optional<int64_t> columns() const { return {}; }
  /// Whether it can change a tensor of this shape, [out, in, ...].
  virtual bool fits(const Shape& shape) const = 0;
  /// Makes it ready for the model's own weight, of a shape that fits. 1 is the strength that was
  /// trained. For several threads; what it returns is for one, and must not outlive this.
  virtual RowsChange begin(const WeightRows& original, double strength) const = 0;
  /// The root of the sum of squares of what is added at strength 1, or, where that depends on the
  /// weight, of what it is multiplied with less the identity.
  virtual double norm() const = 0;
};

/// weight + strength * delta.
class Difference : public WeightChange {
 public:
  /// f32, of as many elements as a weight that it fits.
  virtual Tensor delta() const = 0;
  RowsChange begin(const WeightRows& original, double strength) const override;
};

/// weight + strength * (result - original).
class Replacement : public WeightChange {
 public:
  /// What the weight alone becomes at strength 1.
  virtual Tensor result(const Tensor& original) const = 0;
  RowsChange begin(const WeightRows& original, double strength) const override;
};

/// Adds the rows of `difference` times `factor`.
RowsChange add_rows(const Tensor& difference, float factor, size_t row_size);

using MadeChange = std::unique_ptr<const WeightChange>;
using MadeDifference = std::unique_ptr<const Difference>;

// One file each. They take what is theirs of a module's tensors; null if there is nothing. Throw
// bad_file, with the file and the tensor.
MadeDifference make_lora(ModuleTensors& module);  // and LoCon
MadeDifference make_loha(ModuleTensors& module);
MadeDifference make_lokr(ModuleTensors& module);
MadeDifference make_full(ModuleTensors& module);  // also of norms
MadeDifference make_full_bias(ModuleTensors& module);
MadeChange make_set(ModuleTensors& module);
MadeChange make_oft(ModuleTensors& module);
MadeChange make_boft(ModuleTensors& module);
MadeChange make_ia3(ModuleTensors& module);
MadeChange make_glora(ModuleTensors& module);
/// The same with magnitudes of its own, if the module has them.
MadeChange with_dora(MadeDifference direction, ModuleTensors& module);

/// What a module's tensors do to its weight, and to its bias; null: nothing.
MadeChange weight_change(ModuleTensors& module);
MadeChange bias_change(ModuleTensors& module);

}  // namespace drypoint

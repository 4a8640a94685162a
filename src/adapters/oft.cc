// OFT (https://arxiv.org/abs/2306.07280): blocks R of an orthogonal matrix, R^T W, then perhaps a
// factor for each output. `alpha` times the outputs is the constraint of what R comes from.
#include <fmt/format.h>

#include <cmath>

#include "adapters/cayley.h"
#include "adapters/matrices.h"
#include "adapters/weight_change.h"

namespace drypoint {
namespace {

class Oft : public Replacement {
 public:
  Oft(Tensor blocks, std::optional<Tensor> rescale, std::optional<double> alpha)
      : blocks_(std::move(blocks)), rescale_(std::move(rescale)), alpha_(alpha) {}

  std::string kind() const override { return "OFT"; }
  int64_t rank() const override { return blocks_.shape()[1]; }
  std::optional<double> alpha() const override { return alpha_; }
  bool fits(const Shape& shape) const override { return rows_of(shape) == outputs(); }
  Tensor result(const Tensor& weight) const override {
    const Tensor rotations = cayley(blocks_, constraint());
    const int64_t b = rank(), columns = columns_of(weight.shape());
    Tensor changed({DType::f32, weight.shape()});
    for (int64_t block = 0; block < blocks_.shape()[0]; ++block) {
      const auto part = [&](const Tensor& all, int64_t width) {
        return make_tensor({b, width}, all.floats().subspan(static_cast<size_t>(block * b * width),
                                                            static_cast<size_t>(b * width)));
      };
      const Tensor turned = multiply(transposed(part(rotations, b)), part(weight, columns));
      std::ranges::copy(turned.floats(), changed.mutable_floats().begin() + block * b * columns);
    }
    scale_rows(changed, rescale_, 1);
    return changed;
  }
  double norm() const override { return norm_of_rotation(cayley(blocks_, constraint())); }

  static double norm_of_rotation(const Tensor& rotations) {
    const auto n = static_cast<size_t>(rotations.shape().back());
    double sum = 0;
    for (size_t i = 0; i < rotations.floats().size(); ++i) {
      const double value = double{rotations.floats()[i]} - (i % (n * n) % (n + 1) == 0 ? 1 : 0);
      sum += value * value;
    }
    return std::sqrt(sum);
  }

 private:
  int64_t outputs() const { return blocks_.shape()[0] * blocks_.shape()[1]; }
  double constraint() const { return alpha_.value_or(0) * static_cast<double>(outputs()); }

  Tensor blocks_;
  std::optional<Tensor> rescale_;
  std::optional<double> alpha_;
};

/// BOFT (https://arxiv.org/abs/2311.06243): the same in stages, of which each turns blocks of rows
/// that lie further apart than those before. As in LyCORIS each stage is turned by the strength.
class Boft : public WeightChange {
 public:
  Boft(Tensor blocks, std::optional<Tensor> rescale, std::optional<double> alpha)
      : blocks_(std::move(blocks)), rescale_(std::move(rescale)), alpha_(alpha) {}

  std::string kind() const override { return "BOFT"; }
  int64_t rank() const override { return blocks_.shape()[2]; }
  std::optional<double> alpha() const override { return alpha_; }
  bool fits(const Shape& shape) const override {
    const int64_t last = (int64_t{1} << (blocks_.shape()[0] - 1)) * rank();
    return rows_of(shape) == outputs() && outputs() % last == 0;
  }
  RowsChange begin(const WeightRows& original, double strength) const override {
    const Tensor before = original.whole();
    Tensor difference = make_tensor(before.shape(), before.floats());
    turn(difference, strength);
    const auto values = difference.mutable_floats();
    for (size_t i = 0; i < values.size(); ++i) values[i] -= before.floats()[i];
    return add_rows(difference, 1, original.row_size());
  }
  double norm() const override { return Oft::norm_of_rotation(cayley(blocks_, constraint())); }

 private:
  void turn(Tensor& weight, double strength) const {
    const Tensor rotations = cayley(blocks_, constraint());
    const int64_t b = rank(), columns = columns_of(weight.shape());
    Tensor gathered({DType::f32, {b, columns}});
    const auto row_of = [&](Tensor& of, int64_t row) {
      return of.mutable_floats().subspan(static_cast<size_t>(row * columns),
                                         static_cast<size_t>(columns));
    };
    for (int64_t stage = 0; stage < blocks_.shape()[0]; ++stage) {
      // Rows [..., 2, k] are read as [..., k, 2].
      const int64_t k = (int64_t{1} << stage) * (b / 2);
      const auto place = [&](int64_t row) {
        const int64_t in_pair = row % (2 * k);
        return row - in_pair + in_pair % 2 * k + in_pair / 2;
      };
      for (int64_t block = 0; block < blocks_.shape()[1]; ++block) {
        Tensor rotation = make_tensor(
            {b, b}, rotations.floats().subspan(
                        static_cast<size_t>((stage * blocks_.shape()[1] + block) * b * b),
                        static_cast<size_t>(b * b)));
        for (int64_t i = 0; i < b * b; ++i) {
          float& value = rotation.mutable_floats()[static_cast<size_t>(i)];
          const double one = i % (b + 1) == 0 ? 1 : 0;
          value = static_cast<float>(one + strength * (double{value} - one));
        }
        for (int64_t i = 0; i < b; ++i)
          std::ranges::copy(row_of(weight, place(block * b + i)), row_of(gathered, i).begin());
        Tensor rows = multiply(rotation, gathered);
        for (int64_t i = 0; i < b; ++i)
          std::ranges::copy(row_of(rows, i), row_of(weight, place(block * b + i)).begin());
      }
    }
    scale_rows(weight, rescale_, strength);
  }
  int64_t outputs() const { return blocks_.shape()[1] * blocks_.shape()[2]; }
  double constraint() const { return alpha_.value_or(0) * static_cast<double>(outputs()); }

  Tensor blocks_;
  std::optional<Tensor> rescale_;
  std::optional<double> alpha_;
};

struct OftTensors {
  Tensor blocks;
  std::optional<Tensor> rescale;
  std::optional<double> alpha;
};

/// Of so many dimensions, if the module has them; older files call them `oft_diag`.
std::optional<OftTensors> take_oft(ModuleTensors& module, size_t dimensions) {
  for (const char* role : {"oft_blocks", "oft_diag"}) {
    if (!module.has(role)) continue;
    if (module.dimensions_of(role) != dimensions) return {};
    OftTensors taken{module.take_at_least(role, dimensions), {}, {}};
    const Shape& shape = taken.blocks.shape();
    module.expect(shape[dimensions - 2] == shape[dimensions - 1], role, "square blocks");
    module.expect(dimensions == 3 || (shape[0] <= 32 && shape[2] % 2 == 0), role,
                  "at most 32 stages of blocks of even size");
    if (module.has("rescale")) {
      taken.rescale = module.take_at_least("rescale", 1);
      const int64_t outputs = shape[dimensions - 3] * shape[dimensions - 2];
      module.expect(taken.rescale->type().elements() == outputs, "rescale",
                    fmt::format("{} values", outputs));
    }
    taken.alpha = module.take_number("alpha");
    return taken;
  }
  return {};
}

}  // namespace

MadeChange make_oft(ModuleTensors& module) {
  auto taken = take_oft(module, 3);
  if (!taken) return nullptr;
  return std::make_unique<Oft>(std::move(taken->blocks), std::move(taken->rescale), taken->alpha);
}

MadeChange make_boft(ModuleTensors& module) {
  auto taken = take_oft(module, 4);
  if (!taken) return nullptr;
  return std::make_unique<Boft>(std::move(taken->blocks), std::move(taken->rescale), taken->alpha);
}

}  // namespace drypoint

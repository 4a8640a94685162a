#include "measure/cost.h"

#include "base/overloaded.h"
#include "ops/product.h"

namespace drypoint {
namespace {

// Operations for each element, as a multiplication, an addition, a division or an exponential is
// one.
constexpr double of_norm = 8;       // mean 1, variance 3, normalised 2, scaled and shifted 2
constexpr double of_row_scale = 4;  // of a normed product's input: variance 3, divided 1
double of_activation(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::none: return 0;
    case ActivationKind::relu: return 1;
    case ActivationKind::silu: return 4;
    case ActivationKind::quick_gelu: return 5;
    case ActivationKind::gelu: return 6;
  }
  return 0;
}
constexpr double of_gated_gelu = 7;

double count(const TensorType& type) { return static_cast<double>(type.elements()); }

/// Multiplications and additions of x with a weight of [rows, depth], and what follows.
template <class Product>
double product_flops(const Product& op, const TensorType& weight, const TensorType& output) {
  const int64_t filters = weight.shape[0] / op.groups;
  const double depth = count(weight) / static_cast<double>(weight.shape[0]);
  const double places = count(output) / static_cast<double>(output.shape.back());
  const double each = op.bias + op.residual + (op.scale >= 0) + of_activation(op.activation);
  return places * static_cast<double>(filters) * (2 * depth) + count(output) * each;
}

/// A weight as the kernel has it: 3 x 3 taps of a doubled picture are 2 x 2 of the picture.
TensorType as_read(const Conv2d& op, TensorType weight) {
  if (op.doubled) weight.shape[2] = weight.shape[3] = 2;
  return weight;
}

double attention_flops(const Attention& op, Inputs inputs) {
  const auto batch = static_cast<double>(inputs[0].shape[0]);
  const auto queries = static_cast<double>(inputs[0].shape[1]);
  const auto keys = static_cast<double>(inputs[1].shape[1]);
  const double pairs = op.causal ? queries * (keys + 1) / 2 : queries * keys;
  // Scores and sums over values; the softmax: scaled, less the greatest, exponential, summed.
  return batch * static_cast<double>(op.heads) * pairs *
         (4 * static_cast<double>(op.head_size) + 4);
}

double flops_of(const Op& op, Inputs inputs, const TensorType& output) {
  return std::visit(
      Overloaded{
          [&](const Conv2d& o) { return product_flops(o, as_read(o, inputs[1]), output); },
          [&](const Linear& o) {
            return product_flops(o, inputs[1], output) +
                   (o.gated ? of_gated_gelu : 0) * count(output) +
                   (o.normed ? of_row_scale : 0) * count(inputs[0]);
          },
          [&](const Attention& o) { return attention_flops(o, inputs); },
          [&](const GroupNorm& o) {
            return count(output) * (of_norm + of_activation(o.activation));
          },
          [&](const LayerNorm&) { return count(output) * of_norm; },
          [&](const Activation& o) { return count(output) * of_activation(o.kind); },
          [&](const GatedGelu&) { return count(output) * of_gated_gelu; },
          [&](const Add&) { return count(output); },
          [&](const AddScaled&) { return 2 * count(output); },
          [&](const AveragePool& o) {
            return count(output) * static_cast<double>(o.size * o.size);
          },
          [&](const MaxPool& o) { return count(output) * static_cast<double>(o.size * o.size); },
          [&](const SamplerUpdate& o) {
            const auto slots = static_cast<double>(inputs[0].shape[0] / o.latents(inputs));
            return count(output) * (2 * (slots + 2) + (o.guided ? 3 / slots : 0));
          },
          [&](const TimestepEmbedding&) { return 2 * count(output); },
          [](const auto&) { return 0.0; },
      },
      op);
}

/// The bytes of input `i` that are read.
double bytes_read(const Op& op, size_t i, Inputs inputs, const std::vector<bool>& constant,
                  const TensorType& output) {
  const auto whole = static_cast<double>(inputs[i].bytes());
  const bool lowered = constant[i] && is_float(output.dtype) && is_float(inputs[i].dtype);
  const double size =
      lowered ? count(inputs[i]) * static_cast<double>(size_of(output.dtype)) : whole;
  const auto row_of_table = [&](int64_t table) {
    return static_cast<int64_t>(i) == table && inputs[i].shape[0] > 0
               ? size / static_cast<double>(inputs[i].shape[0])
               : size;
  };
  return std::visit(
      Overloaded{
          [&](const Conv2d& o) {
            if (o.doubled && i == 1)  // a set for each of four pixels
              return 4 * size * count(as_read(o, inputs[1])) / count(inputs[1]);
            return row_of_table(o.select ? 2 : -1);
          },
          [&](const Linear& o) { return row_of_table(o.select ? 2 : -1); },
          [&](const Select&) { return row_of_table(0); },
          [&](const Embedding&) { return i == 1 ? static_cast<double>(output.bytes()) : size; },
          [&](const SamplerUpdate& o) {
            const bool noise = o.noise && static_cast<int>(i) == o.noise_input();
            return noise ? size * static_cast<double>(o.latents(inputs)) /
                               static_cast<double>(inputs[i].shape[0])
                         : row_of_table(2);
          },
          [&](const Attention& o) {  // some columns of what may be one product's result
            return size * static_cast<double>(o.heads * o.head_size) /
                   static_cast<double>(inputs[i].shape.back());
          },
          [&](const auto&) { return size; },
      },
      op);
}

}  // namespace

bool multiplies(const Op& op) {
  return std::holds_alternative<Conv2d>(op) || std::holds_alternative<Linear>(op) ||
         std::holds_alternative<Attention>(op);
}

Cost cost_of(const Op& op, Inputs inputs, const std::vector<bool>& constant,
             const TensorType& output) {
  if (is_view(op)) return {};
  Cost cost{flops_of(op, inputs, output), static_cast<double>(output.bytes())};
  for (size_t i = 0; i < inputs.size(); ++i)
    cost.bytes += bytes_read(op, i, inputs, constant, output);
  return cost;
}

}  // namespace drypoint

// What convolutions and products have in common.
#pragma once

#include <algorithm>

#include "ops/epilogue.h"
#include "ops/quantize.h"
#include "tensor/eight_bits.h"

namespace drypoint {

/// Where each operand of a `Conv2d` or `Linear` is among the inputs, in this order; -1: nowhere.
struct OperandPositions {
  int x = 0, weight = 1;
  int bias = -1, step = -1, residual = -1, scales = -1;
  int input_scales = -1, output_scales = -1;
  int rest = -1;  ///< the first of those that continue the rows of x (`concat`)
  int count = 0;
};

template <class Product>
OperandPositions positions_of(const Product& op) {
  OperandPositions at;
  int next = 2;
  if (op.epilogue.bias) at.bias = next++;
  if (op.epilogue.select) at.step = next++;
  if (op.epilogue.residual) at.residual = next++;
  if (op.epilogue.scale >= 0) at.scales = next++;
  if (op.epilogue.dequantize) at.input_scales = next++;
  if (op.epilogue.quantizes()) at.output_scales = next++;
  if (op.concat > 0) at.rest = next;
  at.count = next + static_cast<int>(op.concat);
  return at;
}

/// The operands by role, to be changed: `list` puts them in order again, `describe` makes the
/// operation say which there are.
template <class Value>
struct ProductOperands {
  Value x, weight;
  std::optional<Value> bias, step, residual, scales, input_scales, output_scales;
  std::vector<Value> rest;

  template <class Product>
  ProductOperands(const Product& op, const std::vector<Value>& inputs)
      : x(inputs[0]), weight(inputs[1]) {
    const OperandPositions at = positions_of(op);
    if (at.bias >= 0) bias = inputs[at.bias];
    if (at.step >= 0) step = inputs[at.step];
    if (at.residual >= 0) residual = inputs[at.residual];
    if (at.scales >= 0) scales = inputs[at.scales];
    if (at.input_scales >= 0) input_scales = inputs[at.input_scales];
    if (at.output_scales >= 0) output_scales = inputs[at.output_scales];
    if (at.rest >= 0) rest.assign(inputs.begin() + at.rest, inputs.end());
  }

  std::vector<Value> list() const {
    std::vector<Value> all{x, weight};
    for (const auto* operand : {&bias, &step, &residual, &scales, &input_scales, &output_scales})
      if (*operand) all.push_back(**operand);
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }

  template <class Product>
  void describe(Product& op) const {
    op.epilogue.bias = bias.has_value();
    op.epilogue.select = step.has_value();
    op.epilogue.residual = residual.has_value();
    op.epilogue.dequantize = input_scales.has_value();
    op.concat = static_cast<decltype(op.concat)>(rest.size());
  }
};

template <class Product>
void expect_operands(const Product& op, Inputs inputs) {
  const Epilogue& epilogue = op.epilogue;
  const int64_t concatenated = op.concat;  // a number or whether there is one
  expect_input(concatenated >= 0 && concatenated <= 2, op.name, "concat={}", concatenated);
  const auto count = static_cast<size_t>(positions_of(op).count);
  expect_input(inputs.size() == count, op.name, "{} inputs, expected {}", inputs.size(), count);
  expect_input(op.groups >= 1 && (!epilogue.select || epilogue.bias) &&
                   (epilogue.scale < 0 || epilogue.residual),
               op.name, "groups={} select={} bias={} scale={} residual={}", op.groups,
               epilogue.select, epilogue.bias, epilogue.scale, epilogue.residual);
  expect_input(epilogue.dequantize == is_eight_bits(inputs[0].dtype) && is_float(epilogue.to),
               op.name, "x {}, dequantize={} to={}", inputs[0], epilogue.dequantize,
               name(epilogue.to));
  expect_input(!epilogue.dequantize || concatenated == 0, op.name, "concat={} of eight bits",
               concatenated);
}

/// What the epilogue computes in.
template <class Product>
DType type_of_sums(const Product& op, Inputs inputs) {
  return op.epilogue.dequantize ? op.epilogue.to : inputs[0].dtype;
}

/// Channels of the last inputs, which continue rows whose other dimensions are those of `rows`.
template <class Op>
int64_t concat_width(const Op& op, const Shape& rows, Inputs inputs) {
  int64_t width = 0;
  for (const TensorType& rest : inputs.last(op.concat)) {
    const Shape& shape = rest.shape;
    expect_input(
        shape.size() == rows.size() && std::equal(rows.begin(), rows.end() - 1, shape.begin()),
        op.name, "rest {}, expected all but the last dimension of {}", shape, rows);
    width += shape.back();
  }
  return width;
}

/// What the epilogue needs, for a result of this type, before it is quantised, computed from a
/// weight of `channels` rows. -> the result's type.
template <class Product>
TensorType expect_epilogue(const Product& op, Inputs inputs, const TensorType& out,
                           int64_t channels) {
  const OperandPositions at = positions_of(op);
  expect_input(out.shape[0] % op.groups == 0, op.name, "{} groups of {}", op.groups, out.shape);
  if (op.epilogue.select) {
    const Shape& table = inputs[at.bias].shape;
    expect_input(table.size() == 2 && table[1] == channels, op.name, "bias {}, expected [S, {}]",
                 table, channels);
    expect_input(inputs[at.step] == (TensorType{DType::i32, {1}}), op.name,
                 "step {}, expected i32[1]", inputs[at.step]);
  } else if (op.epilogue.bias) {
    expect_input(inputs[at.bias].elements() == channels, op.name, "bias {}, expected [{}]",
                 inputs[at.bias].shape, channels);
  }
  if (op.epilogue.residual)
    expect_input(inputs[at.residual] == out, op.name, "residual {}, expected {}",
                 inputs[at.residual], out);
  if (op.epilogue.scale >= 0)
    expect_input(op.epilogue.scale < inputs[at.scales].elements(), op.name, "scale {} of {}",
                 op.epilogue.scale, inputs[at.scales].shape);
  if (op.epilogue.dequantize)
    expect_input(are_scales_of(inputs[at.input_scales], rows_of(out)), op.name,
                 "input scales {} for {}", inputs[at.input_scales], out);
  return op.epilogue.quantizes()
             ? quantized(op.name, out, op.epilogue.quantize, inputs[at.output_scales])
             : out;
}

/// What is common in the traits of both.
template <class Product>
struct ProductTraits {
  static constexpr bool exported = true, is_view = false;
  /// The operands that are neither weights nor tables.
  static std::vector<int> of_own_precision(const Product& op, size_t /*count*/) {
    const OperandPositions at = positions_of(op);
    std::vector<int> inputs{at.x};
    if (at.residual >= 0) inputs.push_back(at.residual);
    for (int i = 0; i < static_cast<int>(op.concat); ++i) inputs.push_back(at.rest + i);
    return inputs;
  }
  static std::vector<int> rows(const Product& op, Inputs inputs) {
    if (op.groups > 1 || inputs[0].shape.size() < 2) return {};
    return of_own_precision(op, inputs.size());
  }
  static int in_place(const Product& op) {
    return op.epilogue.quantizes() ? -1 : positions_of(op).residual;
  }
  static bool pair(Product& op) { return op.groups = 2, true; }
  static PairedInput paired_input(const Product& op, int input) {
    const OperandPositions at = positions_of(op);
    if (input == at.step) return PairedInput::shared;
    return op.epilogue.select && input == at.bias ? PairedInput::columns : PairedInput::rows;
  }
  static FusedForms forms(const Product& op) {
    return {.concat = op.concat > 0,
            .gate = op.epilogue.gate,
            .scale = op.epilogue.scale >= 0,
            .select = op.epilogue.select,
            .groups = op.groups > 1,
            .dequantize = op.epilogue.dequantize,
            .quantize = op.epilogue.quantizes()};
  }
  /// Of a weight [rows, depth] as kernels read it.
  static double flops_of_weight(const Product& op, const TensorType& weight,
                                const TensorType& output) {
    const Epilogue& epilogue = op.epilogue;
    const int64_t filters = weight.shape[0] / op.groups;
    const double depth = elements_of(weight) / static_cast<double>(weight.shape[0]);
    const double places = elements_of(output) / static_cast<double>(output.shape.back());
    const double each = epilogue.bias + epilogue.residual + (epilogue.scale >= 0) +
                        flops_of(epilogue.activation) + (epilogue.gate ? flops_of_gate : 0);
    return places * static_cast<double>(filters) * (2 * depth) + elements_of(output) * each;
  }
  static double elements_read(const Product& op, size_t i, Inputs inputs, const TensorType&) {
    const bool is_table = op.epilogue.select && static_cast<int>(i) == positions_of(op).bias;
    return is_table ? elements_of_row(inputs[i]) : elements_of(inputs[i]);
  }
};

}  // namespace drypoint

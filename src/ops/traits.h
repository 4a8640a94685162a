// What all who treat every operation alike must know of one. Each operation says it beside its
// declaration, in `OpTraits`; there are no defaults, so an operation that leaves out what it costs
// or how it pairs does not compile.
#pragma once

#include <concepts>
#include <optional>
#include <vector>

#include "ops/forms.h"
#include "tensor/tensor.h"

namespace drypoint {

using Inputs = std::span<const TensorType>;

/// For colours and totals. The first three multiply tensors, so that a device's matrix units can be
/// busy; of the others memory decides.
enum class Category : uint8_t {
  convolution,
  product,
  attention,
  norm,
  elementwise,
  rearranging,  ///< moves values, computes none
};

/// What an input is to both of two operations that run as one, the rows of the second's after those
/// of the first.
enum class PairedInput : uint8_t {
  rows,     ///< concatenated along the first dimension
  columns,  ///< along the last
  shared,   ///< the same for both
};

template <class T>
struct OpTraits;

template <class T>
concept HasTraits = requires(const T& op, T& paired, Inputs inputs, const TensorType& output,
                             size_t i) {
  { OpTraits<T>::category } -> std::convertible_to<Category>;
  // Whether builders make it, so that it has a counterpart in ONNX (src/export/lower.cc).
  { OpTraits<T>::exported } -> std::convertible_to<bool>;
  // Whether the result is a part of the first input's bytes, so that it need not be computed.
  { OpTraits<T>::is_view } -> std::convertible_to<bool>;
  // The inputs of which row i alone decides row i of the result, all others serving every row
  // alike; none if the operation mixes rows.
  { OpTraits<T>::rows(op, inputs) } -> std::same_as<std::vector<int>>;
  // The inputs that have the result's precision where a device lowers it: neither weights nor
  // tables of a few numbers. None: the operation takes what it gets.
  { OpTraits<T>::of_own_precision(op, i) } -> std::same_as<std::vector<int>>;
  // The input whose memory the result may take over, element for element; -1 if there is none.
  { OpTraits<T>::in_place(op) } -> std::same_as<int>;
  // Makes it the operation on two twins' rows; false if it cannot treat them apart.
  { OpTraits<T>::pair(paired) } -> std::same_as<bool>;
  { OpTraits<T>::paired_input(op, 0) } -> std::same_as<PairedInput>;
  // The forms it uses.
  { OpTraits<T>::forms(op) } -> std::same_as<FusedForms>;
  // Additions and multiplications, a division or an exponential being one too.
  { OpTraits<T>::flops(op, inputs, output) } -> std::same_as<double>;
  // Elements of input i that are read.
  { OpTraits<T>::elements_read(op, i, inputs, output) } -> std::same_as<double>;
};

inline double elements_of(const TensorType& type) { return static_cast<double>(type.elements()); }

// What several operations have in common, for `OpTraits` to derive from.

struct MixesRows {
  static std::vector<int> rows(const auto&, Inputs) { return {}; }
};
/// Row by row, of the first input.
struct RowsOfFirst {
  static std::vector<int> rows(const auto&, Inputs) { return {0}; }
};
struct AnyPrecision {
  static std::vector<int> of_own_precision(const auto&, size_t) { return {}; }
};
struct PrecisionOfFirst {
  static std::vector<int> of_own_precision(const auto&, size_t) { return {0}; }
};
/// The result needs memory of its own.
struct NotInPlace {
  static constexpr bool is_view = false;
  static int in_place(const auto&) { return -1; }
};
struct InPlaceOfFirst {
  static constexpr bool is_view = false;
  static int in_place(const auto&) { return 0; }
};
struct View {
  static constexpr bool is_view = true;
  static int in_place(const auto&) { return -1; }
};
struct NotPaired {
  static bool pair(auto&) { return false; }
  static PairedInput paired_input(const auto&, int) { return PairedInput::rows; }
};
/// It does to twice as many rows what it does to one twin's.
struct PairedAsItIs {
  static bool pair(auto&) { return true; }
  static PairedInput paired_input(const auto&, int) { return PairedInput::rows; }
};
struct PlainForm {
  static FusedForms forms(const auto&) { return {}; }
};
struct NoArithmetic {
  static double flops(const auto&, Inputs, const TensorType&) { return 0; }
};
struct ReadsAllOnce {
  static double elements_read(const auto&, size_t i, Inputs inputs, const TensorType&) {
    return elements_of(inputs[i]);
  }
};

/// A row of a table of so many elements.
inline double elements_of_row(const TensorType& table) {
  return table.shape[0] > 0 ? elements_of(table) / static_cast<double>(table.shape[0])
                            : elements_of(table);
}

// Operations for each element.
inline constexpr double flops_of_norm = 8;  // mean 1, variance 3, normalised 2, scaled, shifted 2
inline constexpr double flops_of_row_scale = 4;  // variance 3, divided 1
inline constexpr double flops_of_gate = 7;       // GELU 6, times 1

}  // namespace drypoint

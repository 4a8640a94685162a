// Rounding to eight bits.
#pragma once

#include "ops/fields.h"
#include "tensor/shape.h"

namespace drypoint {

/// x, scales f32 [K] -> x / scale as `to` (f8 or i8), rounded to nearest (ties to even), what is
/// beyond the largest magnitude cut to that. Each of K equal shares of x, one after the other, has
/// its scale.
struct Quantize {
  static constexpr std::string_view name = "quantize";
  DType to = DType::i8;

  static void fields(auto& self, auto&& field) { field("to", self.to); }
  bool operator==(const Quantize&) const = default;
};
TensorType infer(const Quantize& op, Inputs inputs);

/// Whether `scales` [K] can be those of K equal shares of so many places.
inline bool are_scales_of(const TensorType& scales, int64_t places) {
  return scales.dtype == DType::f32 && scales.shape.size() == 1 && scales.shape[0] > 0 &&
         places % scales.shape[0] == 0;
}

/// Of a result; 0 where it has no sane size, which `Graph::add_node` refuses.
inline int64_t rows_of(const TensorType& type) {
  const bool has_rows = has_sane_size(type.shape) && type.shape.back() > 0;
  return has_rows ? type.elements() / type.shape.back() : 0;
}

/// The type of a result that an operation quantises at its end.
TensorType quantized(std::string_view op, const TensorType& result, DType to,
                     const TensorType& scales);

template <>
struct OpTraits<Quantize>
    : MixesRows, PrecisionOfFirst, NotInPlace, PairedAsItIs, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const Quantize&, Inputs, const TensorType& output) {
    return elements_of(output);
  }
};

}  // namespace drypoint

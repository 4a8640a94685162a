// Forms of operations beyond the plain ones, for which a device may or may not have kernels.
#pragma once

namespace drypoint {

struct FusedForms {
  bool upsample = false;    ///< a convolution of its input's enlargement (`upsample`)
  bool concat = false;      ///< products, convolutions, norms of concatenated operands (`concat`)
  bool gate = false;        ///< a gated GELU in a product's epilogue (`gate`)
  bool row_scale = false;   ///< a product of rows divided by their deviation (`normed`)
  bool scale = false;       ///< a factor known at run time in the epilogue (`scale`)
  bool select = false;      ///< a bias that is a row of a table (`select`)
  bool groups = false;      ///< several sets of weights, each for its share of the rows (`groups`)
  bool dequantize = false;  ///< products and convolutions of eight bits (`dequantize`)
  bool quantize = false;    ///< results that are rounded to eight bits (`quantize`)

  static void fields(auto& self, auto&& field) {
    field("upsample", self.upsample);
    field("concat", self.concat);
    field("gate", self.gate);
    field("row_scale", self.row_scale);
    field("scale", self.scale);
    field("select", self.select);
    field("groups", self.groups);
    field("dequantize", self.dequantize);
    field("quantize", self.quantize);
  }
  bool operator==(const FusedForms&) const = default;

  /// All but those of eight bits, for which a device needs kernels of their own.
  static constexpr FusedForms all() { return {true, true, true, true, true, true, true}; }
};

}  // namespace drypoint

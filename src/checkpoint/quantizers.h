// What programs that quantise, or train with quantised values, keep beside weights: the ranges of
// what enters a layer.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// "X.input_range": f32 [1], the largest magnitude of X's input that eight bits are to keep.
inline constexpr std::string_view range_end = ".input_range";
/// "X.pre_quant_scale": f32 [K], by which X's input is multiplied before it is rounded.
inline constexpr std::string_view input_factors_end = ".pre_quant_scale";

/// Turns the state of quantisers into `range_end` and `input_factors_end`, and takes away what else
/// is theirs:
/// - "X.input_quantizer._amax" and "_pre_quant_scale" (ModelOpt; pytorch-quantization writes
///   "X._input_quantizer")
/// - "X.input_scale" or "X.scale_input" beside a weight of eight bits (ModelOpt's export, ComfyUI,
///   where 1 stands for none)
/// - "X.activation_fake_quantizer.scale" and "zero_point" (torchao)
/// - "X.quant.activation_post_process.scale", or min_val and max_val (QuantWrapper's, whose
///   "X.module.weight" becomes "X.weight"); also of a transformer block's "norm1" to "norm3", whose
///   result is the next layer's input. Of other layers' results nothing is known here.
/// Throws bad_file naming what does not fit.
void take_quantizers(NamedTensors& tensors, const std::string& file);

/// Multiplies weights [O, K] whose input would be multiplied. Throws bad_file.
void fold_input_factors(NamedTensors& tensors, const std::string& file);

}  // namespace drypoint

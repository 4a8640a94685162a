// Which products of a model are computed in eight bits, and how.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "tensor/dtype.h"

namespace drypoint {

/// Modules are named as in the checkpoint.
struct Quantization {
  DType type = DType::f8;  ///< or i8
  /// The largest magnitude that the input of a module's product is to keep; beyond it values are
  /// cut. Of a module without: f8 as it is (its exponent reaches 448), i8 by each row's largest.
  std::map<std::string, float> ranges;
  std::set<std::string> kept;  ///< modules that stay in the target's precision
  /// Modules whose range is that of an input times "M.pre_quant_scale" [K]; "M.weight_factors" [K],
  /// one over these, are for its weight (SmoothQuant, https://arxiv.org/abs/2211.10438).
  std::set<std::string> smoothed;
};

/// What a product is named after into which this one is merged: an attention, of its queries, keys
/// and values. None: it is not.
inline std::optional<std::string> merged_module(std::string_view module) {
  for (const std::string_view part : {".to_q", ".to_k", ".to_v"})
    if (module.ends_with(part)) return std::string(module.substr(0, module.size() - part.size()));
  return std::nullopt;
}

inline constexpr std::string_view input_factors = ".pre_quant_scale",
                                  weight_factors = ".weight_factors";

}  // namespace drypoint

// Whether a checkpoint has what a model needs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "checkpoint/parts.h"
#include "models/configs.h"
#include "tensor/tensor_spec.h"

namespace drypoint {

/// Every tensor of a model's number i of what steers it.
std::vector<TensorSpec> tensors_of(const ControlConfig& config, size_t number = 0);

/// Every tensor of a pipeline's models, by canonical name.
std::vector<TensorSpec> tensors_of(const ModelConfig& config);

/// Whether a model's tensors may be of this type: floating-point, f8 among them.
inline bool can_be_weight(DType dtype) { return is_float(dtype) || dtype == DType::f8; }

/// What is wrong with each tensor needed, one line each: "tensor X: missing", "tensor X: found
/// f16[3], expected [4]". Empty if the model is complete.
std::vector<std::string> problems(const NamedTensors& tensors,
                                  const std::vector<TensorSpec>& needed);

/// Throws unsupported for a tensor of the part that is not among those needed, so that something
/// that the file computes with would be left out. `harmless` says which may be.
void check_used(const NamedTensors& tensors, const std::vector<TensorSpec>& needed, Part part,
                const std::string& file,
                const std::function<bool(std::string_view relative)>& harmless);

/// Throws bad_file with the first of the problems, after `file`; unsupported for element types.
void check_complete(const NamedTensors& tensors, const std::vector<TensorSpec>& needed,
                    const std::string& file);

}  // namespace drypoint

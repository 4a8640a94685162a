// Shapes from outside: read from text, and held to limits.
#pragma once

#include <string_view>

#include "tensor/tensor.h"

namespace drypoint {

/// Limits that no tensor of a model comes near, but below which sizes can be computed with as they
/// are: up to two dimensions or attributes can be multiplied, bytes of several tensors added.
inline constexpr int64_t most_elements_a_dimension = int64_t{1} << 31;
inline constexpr int64_t most_elements = int64_t{1} << 48;
bool has_sane_size(const Shape& shape);

/// Reads what `to_string` writes; false for anything else, or where `has_sane_size` is false.
bool parse_shape(std::string_view text, Shape& shape);

}  // namespace drypoint

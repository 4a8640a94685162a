// ConvRot: weights that are stored rotated, so that no single one is large.
#pragma once

#include <cstdint>
#include <span>

namespace drypoint {

/// Whether a rotation of so many inputs at a time is one: a power of 4 that divides `depth`.
bool is_rotation(int64_t group, int64_t depth);

/// Rotates each `group` of values in place, which also takes the rotation back: by the Kronecker
/// power of H4 = [1 1 1 -1; 1 1 -1 1; 1 -1 1 1; -1 1 1 1] / 2, symmetric and orthogonal
/// (https://github.com/Comfy-Org/comfy-kitchen).
void rotate(std::span<float> values, int64_t group);

}  // namespace drypoint

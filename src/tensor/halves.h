// Many values at once from and to half precision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace drypoint {

/// `float_to_half` of each, but for what remains of a NaN. Several times as fast where the
/// processor has an instruction for it, as all with AVX2 do.
void floats_to_halves(std::span<const float> from, uint16_t* to);
/// `half_to_float` of each; `from` need not be aligned.
void halves_to_floats(const std::byte* from, std::span<float> to);

}  // namespace drypoint

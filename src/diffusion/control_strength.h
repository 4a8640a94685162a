// How strongly each of ControlNet's outputs steers.
#pragma once

#include <array>

namespace drypoint {

/// The factors of the 13 control tensors, in the order of the encoder's blocks, the middle block
/// last: the strength, or in guess mode strength * 0.825^(12 - i), when control is left out for the
/// negative prompt as well. Throws bad_argument unless `strength` is finite and not negative.
std::array<float, 13> control_scales(double strength, bool guess_mode);

}  // namespace drypoint

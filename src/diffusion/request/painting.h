// What a request says of the picture that a drawing begins with.
#pragma once

#include "drypoint/pipeline.h"

namespace drypoint {

/// What of a request has no effect without an initial picture, a mask or a second pass is refused
/// by name; and sizes that do not fit. Throws bad_argument.
void check_painting(const Request& request);

/// The mask's blur in full: the rule's own where the request has none.
double mask_blur(const Request& request);

/// The initial picture's size, grown by `outpaint`; 0x0 without one.
ImageSize initial_size(const Request& request);

}  // namespace drypoint

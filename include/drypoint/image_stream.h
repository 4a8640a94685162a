// Pictures from pipes and sockets.
#pragma once

#include <string_view>

#include "drypoint/image.h"

namespace drypoint {

/// As `read_image` of a path, from an open file, pipe or socket, to its end; `name` stands for it
/// in messages.
ReadImage read_image(int descriptor, std::string_view name);

}  // namespace drypoint

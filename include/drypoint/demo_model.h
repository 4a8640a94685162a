// The small model that ships with Drypoint.
#pragma once

#include <filesystem>

namespace drypoint {

/// Where the demo model lies: beside the installed library, or in the source tree that it was built
/// from. Throws bad_file if it is at neither place.
std::filesystem::path demo_model();

}  // namespace drypoint

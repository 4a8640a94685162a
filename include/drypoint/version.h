#pragma once

#include <string_view>

namespace drypoint {

/// "0.1.0"
std::string_view version();

}  // namespace drypoint

// JSON that comes with a model: configurations and indexes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace drypoint {

/// The value, or a discarded one (`is_discarded()`) if the text is not JSON or nested deeper than
/// any configuration is. The library's copies and prints recurse, so depth would be stack.
nlohmann::json parse_json(std::string_view text);

}  // namespace drypoint

// JSON from files that nobody has checked.
#pragma once

#include <exception>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace drypoint {

/// The value, or a discarded one (`is_discarded()`) if the text is not JSON or nested deeper than
/// any configuration is. The library's copies and prints recurse, so depth would be stack.
nlohmann::json parse_json(std::string_view text);

/// The object in a small file that holds `expected`, such as "a tuning cache". Throws bad_file if
/// it holds anything else, or an object without one of the keys.
nlohmann::json read_json_object(const std::filesystem::path& file, std::string_view expected,
                                std::initializer_list<std::string_view> keys);

/// What the library says is wrong, fit for a one-line message.
std::string reason(const std::exception& error);

}  // namespace drypoint

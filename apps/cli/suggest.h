// What someone may have meant by a word that is no command or option.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drypoint::cli {

/// The option among `known` ("--scale") that `word` ("--cfg-scale", "-cfg", "--scal") means: one
/// that other tools call so, or one that differs by a slip of the fingers. Empty if there is none.
std::string nearest_option(std::string_view word, const std::vector<std::string>& known);
/// The same for commands.
std::string nearest_command(std::string_view word, const std::vector<std::string>& known);

}  // namespace drypoint::cli

// Files of a folder that are called by their names.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace drypoint {

/// The regular files below a folder that `is_one` takes, in order. `field` stands in messages.
/// Throws bad_argument if it is no folder, or holds too much; bad_file if it cannot be read.
std::vector<std::filesystem::path> files_below(
    const std::filesystem::path& folder, std::string_view field,
    const std::function<bool(const std::filesystem::path&)>& is_one);

/// The pictures that lie in a folder, by their extensions, in order. Throws bad_file if it cannot
/// be read, holds none, or two that differ in their extensions alone.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

}  // namespace drypoint

// Whether a file is still the one that it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace drypoint {

/// Another number for each other file, and for each other state of one as far as its size and time
/// of change tell. None if there is no file.
std::optional<uint64_t> file_state(const std::filesystem::path& path);

}  // namespace drypoint

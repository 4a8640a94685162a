// The names that the web UI has for the contents of files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace drypoint {

/// Where hashes of large files are kept from one run to the next: hashes.json in the user's cache
/// folder, $XDG_CACHE_HOME/drypoint or ~/.cache/drypoint. Empty where there is neither.
std::filesystem::path hash_cache();

/// The SHA-256 of a file in 64 digits. That of one with `smallest_kept` bytes or more is kept in
/// `cache`, with the file's size and time of change; a cache that is damaged, of another kind or
/// cannot be written does no harm. Empty where the file cannot be read, is no regular file, or
/// `stop` says so.
std::string file_sha256(const std::filesystem::path& file, const std::filesystem::path& cache,
                        const std::function<bool()>& stop = {},
                        size_t smallest_kept = size_t{64} << 20);

/// The web UI's old hash, which its ControlNet extension still writes: eight digits of the SHA-256
/// of 64 KiB, from 1 MiB on. Empty where the file cannot be read.
std::string short_file_hash(const std::filesystem::path& file);

}  // namespace drypoint

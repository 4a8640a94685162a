#include "diffusion/model/file_hash.h"

#include <fmt/format.h>
#include <nettle/sha2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t most_entries = 1000;

/// What tells that a file is as it was.
json state_of(const struct stat& status) {
  return {{"size", status.st_size},
          {"changed",
           static_cast<int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec}};
}

json read_cache(const fs::path& cache) {
  try {
    json kept = parse_json(read_file(cache));
    if (kept.is_object()) return kept;
  } catch (const Error&) {  // there is none, or it is damaged
  }
  return json::object();
}

bool is_hash(const json& value) {
  return value.is_string() && value.get<std::string>().size() == 64 &&
         value.get<std::string>().find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string kept_hash(const fs::path& cache, const std::string& name, const json& state) {
  const json kept = read_cache(cache);
  const auto entry = kept.find(name);
  if (entry == kept.end() || !entry->is_object() || !is_hash(entry->value("sha256", json())))
    return {};
  for (const auto& [key, value] : state.items())
    if (entry->value(key, json()) != value) return {};
  return (*entry)["sha256"];
}

void keep_hash(const fs::path& cache, const std::string& name, json state,
               const std::string& hash) {
  try {
    json kept = read_cache(cache);
    if (kept.size() >= most_entries) kept = json::object();
    state["sha256"] = hash;
    kept[name] = std::move(state);
    fs::create_directories(cache.parent_path());
    write_file(cache, kept.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
  } catch (const Error&) {  // the next run computes it again
  } catch (const fs::filesystem_error&) {
  }
}

class Sha256 {
 public:
  Sha256() { sha256_init(&state_); }
  void update(std::span<const std::byte> bytes) {
    sha256_update(&state_, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  }
  /// Of all bytes so far, as 64 digits; nothing may follow.
  std::string hex() {
    std::array<uint8_t, SHA256_DIGEST_SIZE> digest;
    sha256_digest(&state_, digest.size(), digest.data());
    return fmt::format("{:02x}", fmt::join(digest, ""));
  }

 private:
  sha256_ctx state_;
};

/// Of all that can be read, in pieces.
std::optional<std::string> hash_of(int descriptor, const std::function<bool()>& stop) {
  Sha256 hash;
  std::vector<std::byte> piece(size_t{1} << 20);
  while (true) {
    if (stop && stop()) return std::nullopt;
    const ssize_t got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return hash.hex();
    hash.update(std::span(piece).first(static_cast<size_t>(got)));
  }
}

}  // namespace

fs::path hash_cache() {
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache == '/') return fs::path(cache) / "drypoint/hashes.json";
  return home && *home == '/' ? fs::path(home) / ".cache/drypoint/hashes.json" : fs::path();
}

std::string file_sha256(const fs::path& file, const fs::path& cache,
                        const std::function<bool()>& stop, size_t smallest_kept) {
  try {
    const Descriptor descriptor(file);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return {};
    const bool is_kept = !cache.empty() && static_cast<uint64_t>(status.st_size) >= smallest_kept;
    std::error_code ignored;
    const std::string name = fs::absolute(file, ignored).lexically_normal().string();
    const json state = state_of(status);
    if (is_kept)
      if (std::string kept = kept_hash(cache, name, state); !kept.empty()) return kept;
    const auto hash = hash_of(descriptor, stop);
    struct stat after {};
    // Of a file that was written to meanwhile it would be nobody's.
    if (!hash || ::fstat(descriptor, &after) != 0 || state_of(after) != state) return {};
    if (is_kept) keep_hash(cache, name, state, *hash);
    return *hash;
  } catch (const Error&) {
    return {};
  }
}

std::string short_file_hash(const fs::path& file) {
  try {
    const Descriptor descriptor(file);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return {};
    std::vector<std::byte> part(size_t{1} << 16);
    size_t held = 0;
    while (held < part.size()) {
      const ssize_t got = ::pread(descriptor, part.data() + held, part.size() - held,
                                  static_cast<off_t>((size_t{1} << 20) + held));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return {};
      if (got == 0) break;
      held += static_cast<size_t>(got);
    }
    Sha256 hash;
    hash.update(std::span(part).first(held));
    return hash.hex().substr(0, 8);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace drypoint

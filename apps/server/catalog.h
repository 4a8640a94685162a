// Model files by name: what a request may name, and nothing else on the disk.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drypoint::server {

enum class FileKind { checkpoint, control, vae, lora, embedding };

struct CatalogEntry {
  std::string name;   ///< without its ending: "v1-5-pruned"
  std::string title;  ///< the file's or the folder's: "v1-5-pruned.safetensors"
  std::filesystem::path path;
};

/// A folder as the web UI's `models`: Stable-diffusion, ControlNet, VAE, Lora, and embeddings, each
/// with folders inside; base models may lie in the folder itself.
class Catalog {
 public:
  Catalog() = default;
  explicit Catalog(const std::filesystem::path& folder);

  /// Where files of a kind lie instead of in its folder of that name.
  void set_folder(FileKind kind, const std::filesystem::path& folder);
  /// Of LoRAs or embeddings; none where there is no such folder.
  std::optional<std::filesystem::path> folder(FileKind kind) const;

  /// Of one kind by name.
  std::vector<CatalogEntry> all(FileKind kind) const;
  /// The one of this name or title (with " [hash]" or without), case aside; else the shortest that
  /// has it inside. Throws 422 naming the nearest.
  CatalogEntry find(FileKind kind, std::string_view name, const std::string& field) const;
  /// Whether one has just this name or title, case aside.
  bool has(FileKind kind, std::string_view name) const;
  /// Adds one that lies elsewhere, before all others.
  void add(FileKind kind, CatalogEntry entry);
  /// Looks into the folders again.
  void refresh();

 private:
  std::vector<std::pair<FileKind, std::filesystem::path>> folders_;
  mutable std::mutex mutex_;
  std::vector<std::pair<FileKind, CatalogEntry>> own_, found_;
};

}  // namespace drypoint::server

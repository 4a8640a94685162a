// Files that are written whole or not at all, several of them together.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace drypoint {

enum class Folders { must_exist, are_made };

/// Finds out before the work whether a file of this name could be written. Links are followed.
/// Throws write_failed for a folder that is missing (unless it is `made`, and can be) or may not be
/// written to, a directory, a device, a pipe, links in a circle, and names longer than the system
/// takes.
void check_output(const std::filesystem::path& path, Folders folders = Folders::must_exist);

/// Files that appear together: each is written under a temporary name beside its target
/// (.drypoint-...), and all are renamed at the end. Without `commit` every target stays as it was,
/// and folders that were made for them are gone.
class OutputSet {
 public:
  OutputSet();
  ~OutputSet();
  OutputSet(const OutputSet&) = delete;
  OutputSet& operator=(const OutputSet&) = delete;

  /// Makes a folder and those above it. Throws write_failed.
  void make_folder(const std::filesystem::path& path);
  /// Writes one more file, but for its name. Throws write_failed.
  void add(const std::filesystem::path& path, std::string_view contents);
  /// One more file whose contents come in pieces, the first of them here.
  void open(const std::filesystem::path& path, std::string_view contents);
  void append(const std::filesystem::path& path, std::string_view contents);
  /// Gives all files their names, in the order they were added. Throws write_failed; what has its
  /// new contents already is in the message, all others are as before.
  void commit();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// Takes away what this process has begun to write and not finished, and folders made for that. For
/// a signal's handler that then ends the process. -> false, and nothing is done, while files are
/// being renamed: that takes no time, and the process should go on.
bool remove_unfinished_outputs() noexcept;

}  // namespace drypoint

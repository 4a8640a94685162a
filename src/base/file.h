// Files: mapped for reading, written whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace drypoint {

/// A whole file mapped read-only. Throws bad_file if it is missing, a directory, or unreadable.
/// A file that shrinks while mapped raises SIGBUS on access, as with any mapping.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Gives the pages that hold `part` back to the system; they are read again if touched.
  void release(std::span<const std::byte> part) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// The contents of a small file. Refuses files over `limit` bytes. Throws bad_file.
std::string read_file(const std::filesystem::path& path, size_t limit = 64 << 20);

/// Writes `contents` to a temporary name beside `path` (.drypoint-…), syncs it, and renames it over
/// `path`, whose permissions stay; a link stays one.
/// On any failure the temporary is removed, `path` is as before, and write_failed is thrown.
void write_file(const std::filesystem::path& path, std::string_view contents);

/// The same for files too large for one string: call `append` until done, then `commit`.
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& path);
  ~FileWriter();  // removes the temporary unless committed
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  void commit();

 private:
  [[noreturn]] void give_up(std::string_view what);

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

}  // namespace drypoint

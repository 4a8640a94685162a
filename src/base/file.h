// Files: mapped for reading, written whole or not at all.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/mappings.h"
#include "base/unfinished.h"

namespace drypoint {

/// A whole file mapped read-only. Throws bad_file if it is missing, a directory, or unreadable.
/// A file that shrinks while mapped raises SIGBUS on access, as with any mapping; `mapped_file_at`
/// then says which.
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
  /// Throws bad_file if the file was written to since it was mapped: mapped bytes are then a
  /// mixture of old and new. A file of the same name that took its place does no harm.
  void check_unchanged() const;

 private:
  std::filesystem::path path_;
  std::string name_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  struct stat status_ {};  // when it was mapped
  NamedMapping mapping_;
};

/// The contents of a small file. Refuses files over `limit` bytes. Throws bad_file.
std::string read_file(const std::filesystem::path& path, size_t limit = 64 << 20);

/// Opened for reading. Does not wait for a pipe's writer. Throws bad_file.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return descriptor_; }

 private:
  int descriptor_;
};

/// All that can be read from a file, a pipe or a socket. Refuses directories, devices, and more
/// than `limit` bytes, files before they are read. Throws bad_file.
std::string read_stream(int descriptor, std::string_view name, size_t limit);

/// Writes `contents` to a temporary name beside `path` (.drypoint-…), syncs it, and renames it over
/// `path`, whose permissions stay, and whose owner where the system lets us; a link stays one.
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
  /// Another name in the same folder, for one that depends on the contents.
  void set_name(const std::string& name);
  /// Syncs and closes the temporary: nothing but the renaming is left to fail.
  void finish();
  void commit();

  const std::filesystem::path& path() const { return path_; }

 private:
  [[noreturn]] void give_up(std::string_view what);

  std::filesystem::path path_;
  std::optional<Unfinished> temporary_;
  int descriptor_ = -1;
};

}  // namespace drypoint

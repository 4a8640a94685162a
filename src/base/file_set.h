// Several files that appear together: what `OutputSet` is made of.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/file.h"

namespace drypoint {

class FileSet {
 public:
  FileSet() = default;
  ~FileSet();  // removes what was not committed, and folders that stayed empty
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;

  /// Makes a folder and those above it. Throws write_failed.
  void make_folder(const std::filesystem::path& path);
  /// One more file, whose contents are appended to it. Throws write_failed.
  FileWriter& add(const std::filesystem::path& path);
  /// Finishes all files, then gives them their names, in the order they were added. Throws
  /// write_failed; the message tells which have been replaced, if any.
  void commit();

 private:
  std::vector<std::unique_ptr<Unfinished>> folders_;  // the innermost last
  std::vector<std::unique_ptr<FileWriter>> files_;
};

}  // namespace drypoint

// The part of the ZIP format that checkpoints use: stored and deflated entries, ZIP64.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "checkpoint/named_tensors.h"

namespace drypoint {

bool is_zip(std::span<const std::byte> bytes);

class ZipArchive {
 public:
  struct Entry {
    uint64_t header = 0;  // offset of the local header
    uint64_t packed = 0, unpacked = 0;
    uint16_t method = 0, flags = 0;
    uint32_t checksum = 0;
  };

  /// Reads the directory. Throws bad_file, also for sizes that deflate cannot reach.
  explicit ZipArchive(const FileBytes& file);

  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  struct Contents {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> keeper;
  };
  /// The entry's contents: the file's own bytes if it is stored, else unpacked into memory, as much
  /// as 20 times the file's size and 64 MiB altogether. Throws bad_file if there is no such entry.
  Contents open(std::string_view name);

 private:
  [[noreturn]] void damaged(std::string_view what) const;
  uint64_t number(uint64_t offset, int size) const;
  void read_directory(uint64_t offset, uint64_t size, uint64_t count);
  Contents inflate_entry(std::string_view name, const Entry& entry,
                         std::span<const std::byte> packed);

  FileBytes file_;
  std::map<std::string, Entry, std::less<>> entries_;
  uint64_t memory_left_;
};

}  // namespace drypoint

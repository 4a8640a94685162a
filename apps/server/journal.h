// Accepted orders on the disk, so that they outlive the process.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct sqlite3;

namespace drypoint::server {

/// A SQLite file that only its owner can read: it holds prompts and pictures. For any number of
/// threads.
class Journal {
 public:
  struct Entry {
    std::string id, client, body;
  };

  /// Throws write_failed.
  explicit Journal(const std::filesystem::path& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// It is there once this returns, whatever becomes of the process. One of this id that is there
  /// stays as it is. Throws write_failed.
  void add(const Entry& entry);
  void remove(const std::string& id);
  /// Counts that the device was lost while it was drawn. -> how often that was
  int count_loss(const std::string& id);
  /// In the order they were added.
  std::vector<Entry> all() const;

 private:
  class Statement;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  [[noreturn]] void cannot_write() const;

  mutable std::mutex mutex_;
  std::string name_;
  std::unique_ptr<sqlite3, Close> database_;
  // Made once, as reading them takes longer than what they do.
  std::unique_ptr<Statement> insert_, remove_job_, remove_losses_;
};

}  // namespace drypoint::server

// The hash of a model's file, found beside other work.
#pragma once

#include <atomic>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>

namespace drypoint {

/// For any number of threads.
class ModelHash {
 public:
  /// Of a file; of what is none (a folder, "random:sd15", nothing) the hash is empty.
  /// `known`: what it is instead.
  explicit ModelHash(std::filesystem::path file, std::string known = {})
      : file_(std::move(file)), known_(std::move(known)) {}
  ~ModelHash() { given_up_ = true; }

  /// Starts a thread that reads the file, or looks it up in the user's cache; the first time alone.
  void begin();
  /// The first ten digits of the SHA-256, as the web UI has them; waits for them.
  std::string get();

 private:
  std::filesystem::path file_;
  std::string known_;
  std::atomic<bool> given_up_ = false;
  std::once_flag once_;
  std::shared_future<std::string> hash_;  // ends before the flag that it asks
};

}  // namespace drypoint

// Which file is mapped where, for a handler of SIGBUS (`mapped_file_at`).
#pragma once

#include <cstddef>
#include <string>

namespace drypoint {

/// Names the file that is mapped at some bytes, as long as it lives.
class NamedMapping {
 public:
  NamedMapping() = default;
  ~NamedMapping() { forget(); }
  NamedMapping(const NamedMapping&) = delete;
  NamedMapping& operator=(const NamedMapping&) = delete;

  /// `path` must outlive this. Where there are too many files at once, it stays unnamed.
  void name(const std::byte* data, size_t size, const std::string& path);
  void forget();

 private:
  int place_ = -1;
};

}  // namespace drypoint

// What must not stay behind if the process ends by a signal.
#pragma once

#include <string>

namespace drypoint {

/// Names a temporary file, or a folder that was made and may still be empty, for as long as it
/// lives; `remove_unfinished_outputs` takes away what is named then.
class Unfinished {
 public:
  enum class Kind { file, folder };
  Unfinished(std::string path, Kind kind);
  ~Unfinished();
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  const std::string& path() const;

  struct Entry;

 private:
  Entry* entry_;
};

/// While it lives, what has been written gets its names, and `remove_unfinished_outputs` stays
/// away.
class Renaming {
 public:
  Renaming();
  ~Renaming();
  Renaming(const Renaming&) = delete;
  Renaming& operator=(const Renaming&) = delete;
};

}  // namespace drypoint

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "drypoint/output.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

[[noreturn]] void refuse(const fs::path& path, std::string_view why) {
  fail(ErrorKind::write_failed, "{}: {}", path.string(), why);
}

/// A path that the system does not take, told by the name that is too long.
[[noreturn]] void refuse_length(const fs::path& path) {
  long most = ::pathconf(folder_of(path).c_str(), _PC_NAME_MAX);
  if (most < 0) most = NAME_MAX;
  for (const fs::path& name : path)
    if (const size_t length = name.string().size(); length > static_cast<size_t>(most))
      refuse(path, fmt::format("a name in it has {} bytes, the file system takes {} at most",
                               length, most));
  refuse(path, std::strerror(ENAMETOOLONG));
}

/// What a path leads to.
struct Target {
  fs::path path;  // without links at its end
  bool exists = false;
  struct stat before {};
};

Target target_of(const fs::path& path) {
  Target target{path};
  for (int links = 0;; ++links) {
    if (::lstat(target.path.c_str(), &target.before) != 0) {
      if (errno == ENAMETOOLONG) refuse_length(target.path);
      return target;  // not there, or the folder is not
    }
    target.exists = true;
    if (!S_ISLNK(target.before.st_mode)) break;
    if (links == 40) refuse(path, "is a link that leads to no end");
    std::error_code error;
    const fs::path next = fs::read_symlink(target.path, error);
    if (error) refuse(path, error.message());
    target.path = target.path.parent_path() / next;
    target.exists = false;
  }
  if (S_ISDIR(target.before.st_mode)) refuse(path, "is a directory, expected a file name");
  if (!S_ISREG(target.before.st_mode)) refuse(path, "is a device or a pipe, expected a file name");
  return target;
}

std::string random_name() {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {  // early in booting
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    number = static_cast<uint64_t>(now.tv_nsec) << 32 ^ static_cast<uint64_t>(now.tv_sec) << 20 ^
             static_cast<uint64_t>(::getpid());
  }
  return fmt::format(".drypoint-{:016x}", number);
}

/// Gives a new file, which only its owner may read, the owner, group and rights of the one that it
/// will replace; where it cannot have the group, its rights are those of everybody.
void take_over(int descriptor, const Target& target) {
  constexpr const char* acl = "system.posix_acl_access";
  mode_t mode = target.before.st_mode & 0777;
  const uid_t owner = target.before.st_uid;
  const gid_t group = target.before.st_gid;
  if (::fchown(descriptor, owner, group) != 0 &&
      ::fchown(descriptor, static_cast<uid_t>(-1), group) != 0)
    mode = (mode & 0707) | (mode & (mode & 07) << 3);
  char rules[4096];  // of access control; with them a mode's group bits are the most they may give
  const ssize_t size = ::getxattr(target.path.c_str(), acl, rules, sizeof rules);
  if (size <= 0) {
    ::fremovexattr(descriptor, acl);  // the folder's default
  } else if (::fsetxattr(descriptor, acl, rules, static_cast<size_t>(size), 0) != 0) {
    mode &= 0707;
  }
  ::fchmod(descriptor, mode);
}

}  // namespace

void check_output(const fs::path& path, Folders folders) {
  if (path.empty()) refuse(path, "is empty, expected a file name");
  if (!path.has_filename()) refuse(path, "is a folder's name, expected a file's");
  const Target target = target_of(path);
  fs::path folder = folder_of(target.path);
  std::error_code ignored;
  if (folders == Folders::are_made)
    while (!fs::exists(fs::symlink_status(folder, ignored)) && folder.has_relative_path()) {
      if (struct stat status{}; ::lstat(folder.c_str(), &status) != 0 && errno == ENAMETOOLONG)
        refuse_length(folder);
      folder = folder_of(folder.has_filename() ? folder : folder.parent_path());
    }
  if (!fs::is_directory(folder, ignored))
    refuse(path, fmt::format("there is no folder {}", folder.string()));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    refuse(path, fmt::format("folder {}: {}", folder.string(), std::strerror(errno)));
  if ((folder / random_name()).string().size() >= PATH_MAX)
    refuse(path, std::strerror(ENAMETOOLONG));
}

FileWriter::FileWriter(const fs::path& path) {
  const Target target = target_of(path);
  path_ = target.path;
  // A new file has the rights that the system gives new files. One that replaces another never has
  // more than that, not even for a moment.
  const mode_t mode = target.exists ? target.before.st_mode & 0600 : mode_t{0666};
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_.emplace((path_.parent_path() / random_name()).string(), Unfinished::Kind::file);
    descriptor_ = ::open(temporary_->path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor_ >= 0) break;
    const int why = errno;
    temporary_.reset();  // it is not ours
    if (why != EEXIST || attempt == 100)
      refuse(path, fmt::format("cannot be written: {}", std::strerror(why)));
  }
  if (target.exists) take_over(descriptor_, target);
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (temporary_) ::unlink(temporary_->path().c_str());
}

void FileWriter::give_up(std::string_view what) {
  fail(ErrorKind::write_failed, "{}: {}: {}", path_.string(), what, std::strerror(errno));
}

void FileWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) give_up("cannot be written");
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
}

void FileWriter::set_name(const std::string& name) {
  path_ = target_of(path_.parent_path() / name).path;
}

void FileWriter::finish() {
  if (descriptor_ < 0) return;
  if (::fsync(descriptor_) != 0) give_up("cannot be written");
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) give_up("cannot be written");
}

void FileWriter::commit() {
  finish();
  if (::rename(temporary_->path().c_str(), path_.c_str()) != 0) give_up("cannot be replaced");
  temporary_.reset();
}

void write_file(const fs::path& path, std::string_view contents) {
  FileWriter writer(path);
  writer.append(contents);
  writer.commit();
}

}  // namespace drypoint

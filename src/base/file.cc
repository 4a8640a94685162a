#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace drypoint {
namespace {

size_t regular_file_size(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    fail(ErrorKind::bad_file, "{}: {}", path.string(), std::strerror(errno));
  if (S_ISDIR(status.st_mode))
    fail(ErrorKind::bad_file, "{}: is a directory, expected a file", path.string());
  if (!S_ISREG(status.st_mode))
    fail(ErrorKind::bad_file, "{}: is not a regular file", path.string());
  return static_cast<size_t>(status.st_size);
}

}  // namespace

Descriptor::Descriptor(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
  if (descriptor_ < 0)
    fail(ErrorKind::bad_file, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) & ~O_NONBLOCK);
}

Descriptor::~Descriptor() { ::close(descriptor_); }

std::string read_stream(int descriptor, std::string_view name, size_t limit) {
  const auto too_long = [&](std::string_view found) {
    fail(ErrorKind::bad_file, "{}: has {} bytes, expected at most {}", name, found, limit);
  };
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    fail(ErrorKind::bad_file, "{}: {}", name, std::strerror(errno));
  const bool is_file = S_ISREG(status.st_mode);
  if (!is_file && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode))
    fail(ErrorKind::bad_file, "{}: is {}, expected a file", name,
         S_ISDIR(status.st_mode) ? "a directory" : "a device");
  const auto size = is_file ? static_cast<size_t>(status.st_size) : 0;
  if (size > limit) too_long(fmt::to_string(size));
  std::string contents;
  contents.reserve(size + 1);
  for (constexpr size_t piece = 1 << 20;;) {
    const size_t done = contents.size();
    if (done > limit) too_long("more");
    // Half as much again, so that old and new together are not twice the limit.
    if (contents.capacity() == done) contents.reserve(done + std::max(piece, done / 2));
    contents.resize(std::min(contents.capacity(), done + piece));
    const ssize_t got = ::read(descriptor, contents.data() + done, contents.size() - done);
    const int why = errno;
    contents.resize(done + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return contents;
    if (got < 0 && why != EINTR)
      fail(ErrorKind::bad_file, "{}: cannot be read: {}", name, std::strerror(why));
  }
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path), name_(path.string()) {
  Descriptor fd(path);
  size_ = regular_file_size(fd, path);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    fail(errno == ENOMEM ? ErrorKind::out_of_memory : ErrorKind::bad_file,
         "{}: cannot be mapped: {}", path.string(), std::strerror(errno));
  data_ = static_cast<const std::byte*>(data);
  ::fstat(fd, &status_);
  mapping_.name(data_, size_, name_);
}

MappedFile::~MappedFile() {
  mapping_.forget();
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::check_unchanged() const {
  struct stat now {};
  if (!data_ || ::stat(path_.c_str(), &now) != 0) return;  // what was removed is still mapped
  if (now.st_dev != status_.st_dev || now.st_ino != status_.st_ino) return;
  const auto same = [](const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  if (now.st_size != status_.st_size || !same(now.st_mtim, status_.st_mtim))
    fail(ErrorKind::bad_file, "{}: was written to while it was read", name_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // Only pages that lie wholly inside `part`: neighbours may still be in use.
  const size_t begin = (static_cast<size_t>(part.data() - data_) + page - 1) / page * page;
  const size_t end = static_cast<size_t>(part.data() + part.size() - data_) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

std::string read_file(const std::filesystem::path& path, size_t limit) {
  Descriptor fd(path);
  const size_t size = regular_file_size(fd, path);
  if (size > limit)
    fail(ErrorKind::bad_file, "{}: has {} bytes, expected at most {}", path.string(), size, limit);
  std::string contents(size, '\0');
  for (size_t done = 0; done < size;) {
    const ssize_t got = ::read(fd, contents.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      fail(ErrorKind::bad_file, "{}: cannot be read: {}", path.string(),
           got < 0 ? std::strerror(errno) : "it became shorter");
    done += static_cast<size_t>(got);
  }
  return contents;
}

}  // namespace drypoint

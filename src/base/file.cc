#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace drypoint {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {  // or a pipe would wait
    if (fd_ < 0)
      fail(ErrorKind::bad_file, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

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

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  Descriptor fd(path);
  size_ = regular_file_size(fd, path);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    fail(errno == ENOMEM ? ErrorKind::out_of_memory : ErrorKind::bad_file,
         "{}: cannot be mapped: {}", path.string(), std::strerror(errno));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
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

FileWriter::FileWriter(const std::filesystem::path& path) : path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    fail(ErrorKind::write_failed, "{}: is a directory, expected a file name", path.string());
  // A link stays one, and what it names is replaced. Devices and pipes cannot be.
  for (int links = 0; links < 40 && std::filesystem::is_symlink(path_, ignored); ++links)
    path_ = path_.parent_path() / std::filesystem::read_symlink(path_, ignored);
  if (std::filesystem::exists(path_, ignored) && !std::filesystem::is_regular_file(path_, ignored))
    fail(ErrorKind::write_failed, "{}: is a device or a pipe, expected a file name", path.string());
  // Not mkostemp, which makes files that only their owner may read: what another mode would be is
  // known to the system alone, and asking it changes it for all threads for a moment.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_ = path_.parent_path() / fmt::format(".drypoint-{}-{}", ::getpid(), attempt);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && (errno != EEXIST || attempt == 1000))
      fail(ErrorKind::write_failed, "{}: cannot be written: {}", path.string(),
           std::strerror(errno));
  }
  struct stat before {};  // who may read the file stays as it was
  if (::stat(path_.c_str(), &before) == 0) ::fchmod(descriptor_, before.st_mode & 0777);
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
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

void FileWriter::commit() {
  if (::fsync(descriptor_) != 0) give_up("cannot be written");
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) give_up("cannot be written");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) give_up("cannot be replaced");
  temporary_.clear();
}

void write_file(const std::filesystem::path& path, std::string_view contents) {
  FileWriter writer(path);
  writer.append(contents);
  writer.commit();
}

}  // namespace drypoint

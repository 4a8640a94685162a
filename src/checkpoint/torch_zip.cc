#include "checkpoint/torch_zip.h"

#include <map>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/pickle.h"
#include "checkpoint/torch_state.h"
#include "checkpoint/zip.h"

namespace drypoint {
namespace {

// All entries lie in a folder, whose name is free: "archive/data.pkl".
std::string folder_of(const ZipArchive& archive, const std::string& file) {
  constexpr std::string_view pickle = "data.pkl";
  for (const auto& [name, _] : archive.entries())
    if (name == pickle || name.ends_with("/data.pkl"))
      return name.substr(0, name.size() - pickle.size());
  fail(ErrorKind::bad_file, "{}: is a zip archive without data.pkl, so not a PyTorch file", file);
}

}  // namespace

NamedTensors read_torch_zip(const FileBytes& file) {
  ZipArchive archive(file);
  const std::string folder = folder_of(archive, file.name);
  if (archive.entries().contains(folder + "byteorder")) {
    const auto order = archive.open(folder + "byteorder").bytes;
    if (order.size() == 3)
      fail(ErrorKind::unsupported, "{}: was written on a big-endian machine", file.name);
  }
  const auto program = archive.open(folder + "data.pkl");
  const pickle::Pickle pickle(program.bytes, file.name);

  std::map<std::string, StorageBytes, std::less<>> opened;  // several tensors may share a storage
  const auto find = [&](const StorageId& id) -> StorageBytes {
    auto found = opened.find(id.key);
    if (found == opened.end()) {
      const auto contents = archive.open(folder + "data/" + std::string(id.key));
      found = opened.emplace(id.key, StorageBytes{contents.bytes, contents.keeper}).first;
    }
    const auto& [bytes, keeper] = found->second;
    const uint64_t begin = id.view_offset * id.element_bytes;
    if (begin > bytes.size() || id.bytes() > bytes.size() - begin)
      fail(ErrorKind::bad_file, "{}: storage {} has {} bytes, expected {}", file.name,
           printable(id.key), bytes.size(), begin + id.bytes());
    return {bytes.subspan(begin, id.bytes()), keeper};
  };
  return read_state(pickle.root(), find, file.bytes.size(), file.name);
}

}  // namespace drypoint

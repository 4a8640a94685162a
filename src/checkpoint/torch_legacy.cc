#include "checkpoint/torch_legacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/pickle.h"
#include "checkpoint/torch_state.h"

namespace drypoint {
namespace {

using pickle::Kind;
using pickle::Pickle;

constexpr int64_t protocol = 1001;

bool take(std::span<const std::byte>& bytes, std::string_view text) {
  if (bytes.size() < text.size() || std::memcmp(bytes.data(), text.data(), text.size()) != 0)
    return false;
  bytes = bytes.subspan(text.size());
  return true;
}

}  // namespace

// The first pickle is a number, 0x1950a86a20f9469cfc6c, as LONG1 of 10 bytes; from protocol 4 on in
// a frame.
bool is_torch_legacy(std::span<const std::byte> bytes) {
  using namespace std::string_view_literals;
  bool framed = false;
  if (take(bytes, "\x80\x04"sv) || take(bytes, "\x80\x05"sv))
    framed = take(bytes, "\x95"sv);
  else if (!take(bytes, "\x80\x02"sv) && !take(bytes, "\x80\x03"sv))
    return false;
  if (framed) bytes = bytes.subspan(std::min<size_t>(bytes.size(), 8));  // its length
  return take(bytes, "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."sv);
}

NamedTensors read_torch_legacy(const FileBytes& file) {
  auto rest = file.bytes;
  const auto skip = [&rest](size_t length) { rest = rest.subspan(length); };
  {
    skip(Pickle(rest, file.name).length());  // the number that is_torch_legacy knows
    const Pickle version(rest, file.name);
    if (!version.root().is(Kind::integer) || version.root().integer != protocol)
      fail(ErrorKind::bad_file, "{}: its protocol is {}, expected {}", file.name,
           version.root().is(Kind::integer) ? fmt::to_string(version.root().integer)
                                            : describe(version.root()),
           protocol);
    skip(version.length());
    const Pickle system(rest, file.name);
    const pickle::Value* little = system.root().find("little_endian");
    if (little && little->is(Kind::boolean) && !little->integer)
      fail(ErrorKind::unsupported, "{}: was written on a big-endian machine", file.name);
    skip(system.length());
  }
  const Pickle object(rest, file.name);
  skip(object.length());
  const Pickle keys(rest, file.name);
  skip(keys.length());
  if (!keys.root().is(Kind::list))
    fail(ErrorKind::bad_file, "{}: its list of storages is {}", file.name, describe(keys.root()));

  // Where a storage ends depends on its type, which only the object tells.
  std::map<std::string_view, size_t> element_bytes;
  for (const pickle::Value* persistent : object.persistent())
    if (const auto id = storage_id(*persistent)) element_bytes.emplace(id->key, id->element_bytes);
  std::map<std::string_view, std::span<const std::byte>> storages;
  for (const pickle::Value* key : keys.root().items) {
    if (!key->is(Kind::text))
      fail(ErrorKind::bad_file, "{}: a storage's key is {}", file.name, describe(*key));
    const auto type = element_bytes.find(key->text);
    if (type == element_bytes.end())
      fail(ErrorKind::unsupported, "{}: storage {} has a type that is not supported", file.name,
           printable(key->text));
    uint64_t elements = 0, bytes = 0;
    if (rest.size() >= 8) std::memcpy(&elements, rest.data(), 8);
    if (rest.size() < 8 || __builtin_mul_overflow(elements, uint64_t{type->second}, &bytes) ||
        bytes > rest.size() - 8)
      fail(ErrorKind::bad_file, "{}: storage {} should have {} elements, but the file ends",
           file.name, printable(key->text), elements);
    storages[key->text] = rest.subspan(8, bytes);
    skip(8 + bytes);
  }

  const auto find = [&](const StorageId& id) -> StorageBytes {
    const auto found = storages.find(id.key);
    const size_t there = found == storages.end() ? 0 : found->second.size();
    const uint64_t begin = id.view_offset * id.element_bytes;
    if (begin > there || id.bytes() > there - begin)
      fail(ErrorKind::bad_file, "{}: storage {} has {} bytes, expected {}", file.name,
           printable(id.key), there, begin + id.bytes());
    return {found->second.subspan(begin, id.bytes()), file.keeper};
  };
  return read_state(object.root(), find, file.bytes.size(), file.name);
}

}  // namespace drypoint

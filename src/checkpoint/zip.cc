#include "checkpoint/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

constexpr uint32_t local_header = 0x04034b50, directory_entry = 0x02014b50,
                   directory_end = 0x06054b50, directory_end64 = 0x06064b50,
                   directory_locator64 = 0x07064b50;
constexpr uint64_t local_size = 30, entry_size = 46, end_size = 22, locator64_size = 20,
                   end64_size = 56;
constexpr uint64_t largest_ratio = 1100;  // deflate reaches 1032

}  // namespace

bool is_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0;
}

void ZipArchive::damaged(std::string_view what) const {
  fail(ErrorKind::bad_file, "{}: damaged zip archive: {}", file_.name, what);
}

// A little-endian number; the caller has not necessarily checked that it lies in the file.
uint64_t ZipArchive::number(uint64_t offset, int size) const {
  if (offset > file_.bytes.size() || static_cast<uint64_t>(size) > file_.bytes.size() - offset)
    damaged("it is cut off");
  uint64_t value = 0;
  for (int i = 0; i < size; ++i)
    value |= std::to_integer<uint64_t>(file_.bytes[offset + static_cast<uint64_t>(i)]) << 8 * i;
  return value;
}

ZipArchive::ZipArchive(const FileBytes& file)
    : file_(file), memory_left_(20 * file.bytes.size() + (64 << 20)) {
  const uint64_t total = file_.bytes.size();
  if (total < end_size) damaged("it is cut off");
  // The end record comes last, but for a comment of at most 65535 bytes.
  uint64_t end = total - end_size;
  const uint64_t lowest = end > 0xffff ? end - 0xffff : 0;
  while (number(end, 4) != directory_end) {
    if (end == lowest) damaged("it has no directory at its end; is it complete?");
    --end;
  }
  uint64_t count = number(end + 10, 2), size = number(end + 12, 4), offset = number(end + 16, 4);
  if (end >= locator64_size && number(end - locator64_size, 4) == directory_locator64) {
    const uint64_t end64 = number(end - locator64_size + 8, 8);
    if (end64 > total || total - end64 < end64_size || number(end64, 4) != directory_end64)
      damaged("its ZIP64 directory is not where it should be");
    count = number(end64 + 32, 8);
    size = number(end64 + 40, 8);
    offset = number(end64 + 48, 8);
  }
  if (offset > total || size > total - offset) damaged("its directory lies outside of the file");
  read_directory(offset, size, count);
}

void ZipArchive::read_directory(uint64_t offset, uint64_t size, uint64_t count) {
  const uint64_t end = offset + size;
  if (count > size / entry_size)
    damaged(fmt::format("{} entries do not fit into a directory of {} bytes", count, size));
  for (uint64_t at = offset; count > 0; --count) {
    if (end - at < entry_size || number(at, 4) != directory_entry)
      damaged("an entry of its directory is not one");
    Entry entry{.header = number(at + 42, 4),
                .packed = number(at + 20, 4),
                .unpacked = number(at + 24, 4),
                .method = static_cast<uint16_t>(number(at + 10, 2)),
                .flags = static_cast<uint16_t>(number(at + 8, 2)),
                .checksum = static_cast<uint32_t>(number(at + 16, 4))};
    const uint64_t name = number(at + 28, 2), extra = number(at + 30, 2);
    const uint64_t comment = number(at + 32, 2);
    if (name + extra + comment > end - at - entry_size) damaged("a directory entry is cut off");
    const std::string key(reinterpret_cast<const char*>(file_.bytes.data()) + at + entry_size,
                          name);

    // Extra fields: id, size, data. ZIP64's holds those values that did not fit, in this order.
    uint64_t field = at + entry_size + name;
    for (const uint64_t fields_end = field + extra; fields_end - field >= 4;) {
      const uint64_t id = number(field, 2), length = number(field + 2, 2);
      if (length > fields_end - field - 4) break;
      uint64_t from = field + 4, left = length;
      if (id == 1)
        for (uint64_t* value : {&entry.unpacked, &entry.packed, &entry.header})
          if (*value == 0xffffffff && left >= 8) *value = number(from, 8), from += 8, left -= 8;
      field += 4 + length;
    }

    const bool folder = key.ends_with('/');
    if (entry.packed > file_.bytes.size() || entry.unpacked / largest_ratio > entry.packed ||
        (entry.method == 0 && entry.packed != entry.unpacked))
      damaged(fmt::format("entry {} cannot have {} bytes (packed: {})", printable(key),
                          entry.unpacked, entry.packed));
    if (!folder && !entries_.emplace(key, entry).second)
      damaged(fmt::format("entry {} is there twice", printable(key)));
    at += entry_size + name + extra + comment;
  }
}

ZipArchive::Contents ZipArchive::open(std::string_view name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) damaged(fmt::format("it has no entry {}", printable(name)));
  const Entry& entry = found->second;
  if (entry.flags & 1)
    fail(ErrorKind::unsupported, "{}: entry {} is encrypted", file_.name, printable(name));
  const uint64_t total = file_.bytes.size();
  if (number(entry.header, 4) != local_header)
    damaged(fmt::format("entry {} is not where it should be", printable(name)));
  // The local header's own name and extra field may be longer than the directory's.
  const uint64_t begin =
      entry.header + local_size + number(entry.header + 26, 2) + number(entry.header + 28, 2);
  if (begin > total || entry.packed > total - begin)
    damaged(fmt::format("entry {} lies outside of the file", printable(name)));
  const auto packed = file_.bytes.subspan(begin, entry.packed);
  if (entry.method == 0) return {packed, file_.keeper};
  if (entry.method == 8) return inflate_entry(name, entry, packed);
  fail(ErrorKind::unsupported, "{}: entry {} is packed by method {}, expected 0 or 8", file_.name,
       printable(name), entry.method);
}

ZipArchive::Contents ZipArchive::inflate_entry(std::string_view name, const Entry& entry,
                                               std::span<const std::byte> packed) {
  if (entry.unpacked > memory_left_)
    damaged(fmt::format("entry {} and others unpack to an absurd size ({} bytes)", printable(name),
                        entry.unpacked));
  memory_left_ -= entry.unpacked;
  // One byte more shows whether there is more to unpack than announced.
  const auto bytes = std::make_shared<std::vector<std::byte>>(entry.unpacked + 1);
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    fail(ErrorKind::out_of_memory, "{}: no memory to unpack", file_.name);
  // zlib counts in 32 bits, so both sides are handed over in parts.
  size_t given = 0, wanted = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data())) + given;
      stream.avail_in = static_cast<uInt>(std::min<size_t>(packed.size() - given, 1 << 30));
      given += stream.avail_in;
    }
    if (stream.avail_out == 0) {
      stream.next_out = reinterpret_cast<Bytef*>(bytes->data()) + wanted;
      stream.avail_out = static_cast<uInt>(std::min<size_t>(bytes->size() - wanted, 1 << 30));
      wanted += stream.avail_out;
    }
    status = ::inflate(&stream, Z_NO_FLUSH);
  }
  const size_t got = wanted - stream.avail_out;
  inflateEnd(&stream);
  uLong checksum = ::crc32(0, nullptr, 0);
  for (size_t at = 0; at < got; at += 1 << 30)
    checksum = ::crc32(checksum, reinterpret_cast<const Bytef*>(bytes->data()) + at,
                       static_cast<uInt>(std::min<size_t>(got - at, 1 << 30)));
  if (status != Z_STREAM_END || got != entry.unpacked || checksum != entry.checksum)
    damaged(
        fmt::format("entry {} does not unpack to its {} bytes", printable(name), entry.unpacked));
  return {std::span(*bytes).first(entry.unpacked), bytes};
}

}  // namespace drypoint

#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

using nlohmann::json;

constexpr size_t length_bytes = 8;
// Full-size checkpoints have headers of some 100 KB; the limit bounds what parsing may allocate.
constexpr uint64_t largest_header = 16 << 20;

constexpr std::pair<std::string_view, DType> dtypes[] = {
    {"F32", DType::f32}, {"F16", DType::f16},     {"BF16", DType::bf16}, {"F64", DType::f64},
    {"I64", DType::i64}, {"I32", DType::i32},     {"I16", DType::i16},   {"I8", DType::i8},
    {"U8", DType::u8},   {"BOOL", DType::boolean}};

constexpr std::string_view foreign_dtypes[] = {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F4",
                                               "U16",     "U32",     "U64",     "C64"};

uint64_t header_length(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= std::to_integer<uint64_t>(bytes[i]) << 8 * i;
  return length;
}

// Parses the header; refuses duplicate names and any nesting that the format does not have.
json parse_header(std::string_view text, const std::string& file) {
  std::set<std::string> seen;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > 3) fail(ErrorKind::bad_file, "{}: the header is nested too deep", file);
    if (event == json::parse_event_t::key && depth == 1 &&
        !seen.insert(value.get<std::string>()).second)
      fail(ErrorKind::bad_file, "{}: tensor {} appears twice", file,
           printable(value.get_ref<const std::string&>()));
    return true;
  };
  try {
    json header = json::parse(text, watch);
    if (header.is_object()) return header;
  } catch (const json::exception& error) {
    fail(ErrorKind::bad_file, "{}: the header is not JSON: {}", file, reason(error));
  }
  fail(ErrorKind::bad_file, "{}: the header is not a JSON object", file);
}

DType dtype_of(const std::string& dtype, const std::string& file, const std::string& tensor) {
  for (const auto& [known, value] : dtypes)
    if (known == dtype) return value;
  if (std::ranges::find(foreign_dtypes, dtype) != std::end(foreign_dtypes))
    fail(ErrorKind::unsupported,
         "{}: tensor {}: dtype {} is not supported, expected F32, F16, BF16", file,
         printable(tensor), dtype);
  fail(ErrorKind::bad_file, "{}: tensor {}: unknown dtype '{}'", file, printable(tensor),
       printable(dtype));
}

struct Extent {
  uint64_t begin, end;
  const std::string* name;
};

void check_disjoint(std::vector<Extent>& extents, const std::string& file) {
  std::ranges::sort(extents, {}, [](const Extent& e) { return std::pair(e.begin, e.end); });
  for (size_t i = 1; i < extents.size(); ++i)
    if (extents[i].begin < extents[i - 1].end)
      fail(ErrorKind::bad_file, "{}: tensors {} and {} overlap", file,
           printable(*extents[i - 1].name), printable(*extents[i].name));
}

}  // namespace

bool is_safetensors(std::span<const std::byte> bytes) {
  // A hostile or damaged length is for the reader to report, so only the brace decides.
  return bytes.size() > length_bytes && bytes[length_bytes] == std::byte{'{'};
}

NamedTensors read_safetensors(const FileBytes& file) {
  // No structured bindings here and below: clang 14 cannot capture them.
  const std::string& name = file.name;
  const auto bytes = file.bytes;
  if (bytes.size() < length_bytes)
    fail(ErrorKind::bad_file, "{}: has {} bytes, too few for a safetensors file", name,
         bytes.size());
  const uint64_t length = header_length(bytes), available = bytes.size() - length_bytes;
  if (length > available)
    fail(ErrorKind::bad_file, "{}: the header should have {} bytes, but only {} follow", name,
         length, available);
  if (length > largest_header)
    fail(ErrorKind::bad_file, "{}: the header has {} bytes, expected at most {}", name, length,
         largest_header);

  const json header = parse_header(
      {reinterpret_cast<const char*>(bytes.data()) + length_bytes, static_cast<size_t>(length)},
      name);
  const auto data = bytes.subspan(length_bytes + length);

  NamedTensors result;
  std::vector<Extent> extents;
  for (const auto& item : header.items()) {
    const std::string& key = item.key();
    const json& entry = item.value();
    const auto malformed = [&](std::string_view what) {
      fail(ErrorKind::bad_file, "{}: tensor {}: {}", name, printable(key), what);
    };
    if (!entry.is_object()) malformed("its entry is not an object");
    if (key == "__metadata__") {
      for (const auto& [field, value] : entry.items())
        if (value.is_string()) result.metadata[field] = value.get<std::string>();
      continue;
    }
    const auto field = [&](const char* which) -> const json& {
      const auto found = entry.find(which);
      if (found == entry.end()) malformed(fmt::format("has no {}", which));
      return *found;
    };
    const auto numbers = [&](const char* which) {
      const json& list = field(which);
      Shape values;
      if (!list.is_array()) malformed(fmt::format("{} is not a list", which));
      for (const auto& value : list) {
        // Anything above 2^62 overflows later sums; negative numbers are never right.
        if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{1} << 62)
          malformed(fmt::format("{} holds {}, expected non-negative integers", which,
                                value.dump().substr(0, 40)));
        values.push_back(value.get<int64_t>());
      }
      return values;
    };

    const json& dtype_field = field("dtype");
    if (!dtype_field.is_string()) malformed("dtype is not a string");
    TensorType type{dtype_of(dtype_field.get<std::string>(), name, key), numbers("shape")};
    const Shape offsets = numbers("data_offsets");
    uint64_t size = 0;
    if (!checked_bytes(type.shape, type.dtype, size))
      malformed(fmt::format("shape {} is too large", to_string(type.shape)));
    if (offsets.size() != 2 || offsets[0] > offsets[1] ||
        static_cast<uint64_t>(offsets[1]) > data.size())
      malformed(fmt::format("data_offsets {} do not lie in the {} bytes of data",
                            to_string(offsets), data.size()));
    const auto begin = static_cast<uint64_t>(offsets[0]), end = static_cast<uint64_t>(offsets[1]);
    if (end - begin != size)
      malformed(fmt::format("{} needs {} bytes, but data_offsets hold {}", to_string(type), size,
                            end - begin));
    const auto added =
        result.tensors.emplace(key, Tensor(std::move(type), data.data() + begin, file.keeper))
            .first;
    if (size > 0) extents.push_back({begin, end, &added->first});
  }
  check_disjoint(extents, name);
  return result;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<Entry>& entries,
                                     const std::map<std::string, std::string>& metadata,
                                     size_t alignment)
    : writer_(path) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (const auto& [name, type] : entries) {
    const auto dtype =
        std::ranges::find(dtypes, type.dtype, [](auto& pair) { return pair.second; });
    header[name] = {{"dtype", dtype->first},
                    {"shape", type.shape},
                    {"data_offsets", {left_, left_ + type.bytes()}}};
    left_ += type.bytes();
  }
  std::string text = header.dump();
  text.append((alignment - (text.size() + length_bytes) % alignment) % alignment, ' ');
  if (text.size() > largest_header)
    fail(ErrorKind::unsupported, "{}: the header would have {} bytes, expected at most {}",
         path.string(), text.size(), largest_header);
  for (size_t i = 0; i < length_bytes; ++i)
    header_ += static_cast<char>(uint64_t{text.size()} >> 8 * i);
  header_ += text;
  writer_.append(header_);
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  DRYPOINT_EXPECT(bytes.size() <= left_, "{} bytes more than announced", bytes.size() - left_);
  left_ -= bytes.size();
  writer_.append(bytes);
}

void SafetensorsWriter::commit() {
  DRYPOINT_EXPECT(left_ == 0, "{} bytes announced were not written", left_);
  writer_.commit();
}

void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, Tensor, std::less<>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsWriter::Entry> entries;
  for (const auto& [name, tensor] : tensors) entries.emplace_back(name, tensor.type());
  SafetensorsWriter writer(path, entries, metadata);
  for (const auto& [name, tensor] : tensors) writer.append(tensor.bytes());
  writer.commit();
}

}  // namespace drypoint

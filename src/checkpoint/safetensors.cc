#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

using nlohmann::json;

constexpr size_t length_bytes = 8;
constexpr uint64_t largest_header = 100'000'000;  // the format's own limit

constexpr std::pair<std::string_view, DType> dtypes[] = {
    {"F32", DType::f32}, {"F16", DType::f16},      {"BF16", DType::bf16}, {"F64", DType::f64},
    {"I64", DType::i64}, {"I32", DType::i32},      {"I16", DType::i16},   {"I8", DType::i8},
    {"U8", DType::u8},   {"BOOL", DType::boolean}, {"F8_E4M3", DType::f8}};

// Types that the format has and no computation of ours.
constexpr std::string_view foreign_dtypes[] = {"F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
                                               "F4",      "F6_E2M3", "F6_E3M2",     "U16",
                                               "U32",     "U64",     "C64"};

uint64_t header_length(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= std::to_integer<uint64_t>(bytes[i]) << 8 * i;
  return length;
}

// What the header says of one tensor.
struct Entry {
  std::optional<std::string> dtype;
  std::optional<Shape> shape, offsets;
};

// Gives the header's entries one after the other, so that a large one is never a tree in memory.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  using Take = std::function<void(const std::string& name, const Entry& entry)>;
  HeaderReader(const std::string& file, Metadata& metadata, const Take& take)
      : file_(file), metadata_(metadata), take_(take) {}

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(int64_t value) override { return scalar(fmt::to_string(value)); }
  bool number_float(double, const std::string& text) override { return scalar(text); }
  bool number_unsigned(uint64_t value) override {
    Shape* const numbers = list();
    // Anything above 2^62 overflows later sums.
    if (!numbers || depth_ != 3 || value > uint64_t{1} << 62) return scalar(fmt::to_string(value));
    if (numbers->size() == 64) malformed(fmt::format("{} has over 64 numbers", field_));
    numbers->push_back(static_cast<int64_t>(value));
    return true;
  }
  bool string(std::string& value) override {
    if (depth_ == 2 && is_metadata())
      metadata_[field_] = std::move(value);
    else if (depth_ == 2 && field_ == "dtype")
      entry_.dtype = std::move(value);
    else
      return scalar('"' + printable(value) + '"');
    return true;
  }
  bool binary(json::binary_t&) override { return false; }  // JSON has none

  bool start_object(size_t) override {
    if (depth_ == 2) misplaced("an object");
    return enter();
  }
  bool end_object() override {
    if (--depth_ == 1 && !is_metadata()) take_(name_, entry_);
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ == 0) not_an_object();
    if (depth_ == 2) {
      if (field_ == "shape")
        entry_.shape.emplace();
      else if (field_ == "data_offsets")
        entry_.offsets.emplace();
      else
        misplaced("a list");
    }
    return enter();
  }
  bool end_array() override {
    if (--depth_ == 1) not_an_entry();
    return true;
  }
  bool key(std::string& value) override {
    if (depth_ == 2) {
      field_ = std::move(value);
    } else if (depth_ == 1) {
      name_ = std::move(value);
      field_.clear();
      entry_ = {};
    }
    return true;
  }
  bool parse_error(size_t, const std::string&, const json::exception& error) override {
    fail(ErrorKind::bad_file, "{}: the header is not JSON: {}", file_, reason(error));
  }

 private:
  [[noreturn]] void malformed(std::string_view what) const {
    fail(ErrorKind::bad_file, "{}: tensor {}: {}", file_, printable(name_), what);
  }
  [[noreturn]] void not_an_object() const {
    fail(ErrorKind::bad_file, "{}: the header is not a JSON object", file_);
  }
  [[noreturn]] void not_an_entry() const { malformed("its entry is not an object"); }
  bool is_metadata() const { return name_ == "__metadata__"; }
  bool enter() {
    if (depth_ == 3) scalar("a list or an object");
    if (++depth_ > 4) fail(ErrorKind::bad_file, "{}: the header is nested too deep", file_);
    return true;
  }
  // The list of numbers that is being read.
  Shape* list() {
    if (field_ == "shape" && entry_.shape) return &*entry_.shape;
    return field_ == "data_offsets" && entry_.offsets ? &*entry_.offsets : nullptr;
  }
  // A value of a kind that the field cannot have; fields that the format does not know may.
  void misplaced(std::string_view what) const {
    if (is_metadata()) return;
    if (field_ == "dtype") malformed(fmt::format("dtype is {}, expected a string", what));
    if (field_ == "shape" || field_ == "data_offsets")
      malformed(fmt::format("{} is {}, not a list", field_, what));
  }
  bool scalar(std::string_view value) {
    if (depth_ == 0) not_an_object();
    // Some writers say null where there are no metadata.
    if (depth_ == 1 && !(is_metadata() && value == "null")) not_an_entry();
    if (depth_ == 2) misplaced(value);
    if (depth_ == 3 && list() && !is_metadata())
      malformed(fmt::format("{} holds {}, expected non-negative integers", field_, value));
    return true;
  }

  const std::string& file_;
  Metadata& metadata_;
  const Take& take_;
  int depth_ = 0;  // of the containers that are open
  std::string name_, field_;
  Entry entry_;
};

// Nothing for types that the format has and we do not.
std::optional<DType> dtype_of(const std::string& dtype, const std::string& file,
                              const std::string& tensor) {
  for (const auto& [known, value] : dtypes)
    if (known == dtype) return value;
  if (std::ranges::find(foreign_dtypes, dtype) != std::end(foreign_dtypes)) return {};
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
    fail(ErrorKind::bad_file,
         "{}: the header should have {} bytes, but only {} follow; was the "
         "download complete?",
         name, length, available);
  if (length > largest_header)
    fail(ErrorKind::bad_file, "{}: the header has {} bytes, expected at most {}", name, length,
         largest_header);

  const auto data = bytes.subspan(length_bytes + length);

  NamedTensors result;
  std::vector<Extent> extents;
  Extent last{0, 0, nullptr};  // the one that ends last, which may be beyond the file
  const HeaderReader::Take take = [&](const std::string& key, const Entry& entry) {
    const auto malformed = [&](std::string_view what) {
      fail(ErrorKind::bad_file, "{}: tensor {}: {}", name, printable(key), what);
    };
    if (!entry.dtype) malformed("has no dtype");
    if (!entry.shape) malformed("has no shape");
    if (!entry.offsets) malformed("has no data_offsets");
    if (result.has(key) || result.foreign.contains(key))
      fail(ErrorKind::bad_file, "{}: tensor {} appears twice", name, printable(key));
    const Shape& offsets = *entry.offsets;
    if (offsets.size() != 2 || offsets[0] > offsets[1])
      malformed(fmt::format("data_offsets {} are no begin and end", to_string(offsets)));
    const auto begin = static_cast<uint64_t>(offsets[0]), end = static_cast<uint64_t>(offsets[1]);
    const auto dtype = dtype_of(*entry.dtype, name, key);
    const TensorType type{dtype.value_or(DType::u8), *entry.shape};
    uint64_t size = 0;
    if (!checked_bytes(type.shape, type.dtype, size))
      malformed(fmt::format("shape {} is too large", to_string(type.shape)));
    if (dtype && end - begin != size)
      malformed(fmt::format("{} needs {} bytes, but data_offsets {} hold {}", to_string(type), size,
                            to_string(offsets), end - begin));
    const std::string* kept = nullptr;
    if (!dtype)
      kept = &result.foreign.emplace(key, *entry.dtype + to_string(type.shape)).first->first;
    else
      kept = &result.tensors
                  .emplace(key, end > data.size() ? Tensor()
                                                  : Tensor(type, data.data() + begin, file.keeper))
                  .first->first;
    if (end > begin) extents.push_back({begin, end, kept});
    if (end > last.end || !last.name) last = {begin, end, kept};
  };
  HeaderReader reader(name, result.metadata, take);
  json::sax_parse(std::string_view(reinterpret_cast<const char*>(bytes.data()) + length_bytes,
                                   static_cast<size_t>(length)),
                  &reader);
  if (last.end > data.size())
    fail(ErrorKind::bad_file,
         "{}: is cut short: tensor {} has data_offsets [{}, {}], but only {} bytes of data follow "
         "the header; was the download complete?",
         name, printable(*last.name), last.begin, last.end, data.size());
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

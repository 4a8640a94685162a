#include "checkpoint/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "base/utf8.h"
#include "checkpoint/ggml_blocks.h"

namespace drypoint {
namespace {

constexpr std::string_view magic = "GGUF";
constexpr uint32_t text_type = 8, array_type = 9;
constexpr int deepest_array = 4;

/// Bytes of metadata values by their type's number; 0 for texts, arrays and what is none.
constexpr size_t value_sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

constexpr std::pair<uint32_t, DType> plain_types[] = {
    {0, DType::f32},  {1, DType::f16},  {24, DType::i8},  {25, DType::i16},
    {26, DType::i32}, {27, DType::i64}, {28, DType::f64}, {30, DType::bf16}};

/// Reads the head of a file from front to back.
class HeadReader {
 public:
  explicit HeadReader(const FileBytes& file) : file_(file) {}

  size_t position() const { return at_; }
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() {
    const auto bytes = take(number<uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::span<const std::byte> take(uint64_t count) {
    if (count > file_.bytes.size() - at_)
      fail(ErrorKind::bad_file, "{}: ends in its head, at byte {}; was the download complete?",
           file_.name, at_);
    const auto bytes = file_.bytes.subspan(at_, count);
    at_ += count;
    return bytes;
  }
  void skip_value(uint32_t type, int depth = 0) {
    if (type == text_type) {
      text();
    } else if (type == array_type && depth < deepest_array) {
      const auto of = number<uint32_t>();
      const auto count = number<uint64_t>();
      if (of < std::size(value_sizes) && value_sizes[of] > 0) {
        if (count > file_.bytes.size()) refuse(fmt::format("an array of {} values", count));
        take(count * value_sizes[of]);
      } else {
        for (uint64_t i = 0; i < count; ++i) skip_value(of, depth + 1);
      }
    } else if (type < std::size(value_sizes) && value_sizes[type] > 0) {
      take(value_sizes[type]);
    } else {
      refuse(fmt::format("a value of type {}", type));
    }
  }
  [[noreturn]] void refuse(const std::string& found) const {
    fail(ErrorKind::bad_file, "{}: found {} at byte {} of its head", file_.name, found, at_);
  }

 private:
  const FileBytes& file_;
  size_t at_ = 0;
};

struct Announced {
  std::string name;
  Shape shape;
  uint32_t type = 0;
  uint64_t offset = 0;
};

Announced read_announced(HeadReader& head) {
  Announced tensor;
  tensor.name = head.text();
  const auto dimensions = head.number<uint32_t>();
  if (dimensions > 8) head.refuse(fmt::format("a tensor of {} dimensions", dimensions));
  for (uint32_t i = 0; i < dimensions; ++i) {
    const auto extent = head.number<uint64_t>();
    if (extent > uint64_t{1} << 40) head.refuse(fmt::format("a dimension of {}", extent));
    // The fastest comes first there.
    tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(extent));
  }
  tensor.type = head.number<uint32_t>();
  tensor.offset = head.number<uint64_t>();
  return tensor;
}

/// blocks -> f16 of this shape
Tensor decoded(const GgmlType& type, const Shape& shape, std::span<const std::byte> blocks) {
  Tensor result({DType::f16, shape});
  auto* to = reinterpret_cast<uint16_t*>(result.mutable_bytes().data());
  float values[256];
  for (size_t at = 0; at < blocks.size(); at += type.bytes) {
    type.decode(blocks.data() + at, values);
    to = std::transform(values, values + type.elements, to, float_to_half);
  }
  return result;
}

}  // namespace

bool is_gguf(std::span<const std::byte> bytes) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

NamedTensors read_gguf(const FileBytes& file) {
  HeadReader head(file);
  head.take(magic.size());
  const auto version = head.number<uint32_t>();
  if (version != 2 && version != 3)
    fail(ErrorKind::unsupported, "{}: is of version {} of GGUF, expected 2 or 3", file.name,
         version);
  const auto tensor_count = head.number<uint64_t>(), value_count = head.number<uint64_t>();
  NamedTensors result;
  uint64_t alignment = 32;
  for (uint64_t i = 0; i < value_count; ++i) {
    const std::string key = head.text();
    const auto type = head.number<uint32_t>();
    if (type == text_type)
      result.metadata[key] = head.text();
    else if (key == "general.alignment" && type == 4)
      alignment = head.number<uint32_t>();
    else
      head.skip_value(type);
  }
  if (alignment == 0 || alignment > 1 << 20 || alignment % 8 != 0)
    head.refuse(fmt::format("an alignment of {}", alignment));
  std::vector<Announced> announced;
  for (uint64_t i = 0; i < tensor_count; ++i) announced.push_back(read_announced(head));
  const uint64_t data = (head.position() + alignment - 1) / alignment * alignment;

  std::vector<std::pair<Tensor*, std::function<Tensor()>>> blocks;
  for (const Announced& tensor : announced) {
    const auto refuse = [&](const std::string& what) {
      fail(ErrorKind::bad_file, "{}: tensor {}: {}", file.name, printable(tensor.name), what);
    };
    if (result.has(tensor.name) || result.foreign.contains(tensor.name)) refuse("appears twice");
    const auto plain =
        std::ranges::find(plain_types, tensor.type, &std::pair<uint32_t, DType>::first);
    const GgmlType* type = ggml_block_type(tensor.type);
    const bool is_plain = plain != std::end(plain_types);
    if (!is_plain && !type) {
      result.foreign[tensor.name] =
          fmt::format("{}{}", ggml_name(tensor.type), to_string(tensor.shape));
      continue;
    }
    uint64_t bytes = 0;
    if (!checked_bytes(tensor.shape, is_plain ? plain->second : DType::i8, bytes))
      refuse(fmt::format("shape {} is too large", to_string(tensor.shape)));
    if (!is_plain) {
      const int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
      if (row % type->elements != 0)
        refuse(fmt::format("rows of {} in blocks {} of {}", row, type->name, type->elements));
      bytes = bytes / static_cast<uint64_t>(type->elements) * type->bytes;
    }
    if (tensor.offset % alignment != 0 || data > file.bytes.size() ||
        tensor.offset > file.bytes.size() - data ||
        bytes > file.bytes.size() - data - tensor.offset)
      refuse(fmt::format("{} bytes at {} are not in the file; was the download complete?", bytes,
                         tensor.offset));
    const auto own = file.bytes.subspan(data + tensor.offset, bytes);
    Tensor& kept = result.tensors[tensor.name];
    if (is_plain)
      kept = Tensor({plain->second, tensor.shape}, own.data(), file.keeper);
    else
      blocks.emplace_back(&kept,
                          [type, &tensor, own] { return decoded(*type, tensor.shape, own); });
  }
  parallel_for(blocks.size(), usable_cores(),
               [&](size_t i) { *blocks[i].first = blocks[i].second(); });
  return result;
}

}  // namespace drypoint

#include "checkpoint/named_tensors.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace drypoint {
namespace {

/// Some of a tensor's values.
struct Values {
  std::string_view name;
  const TensorType& type;
  std::span<const std::byte> bytes;
  size_t first;  // the number of the first
};

// Whether all exponent bits are set, which only NaN and infinities have.
template <class Bits>
void check_exponents(const Values& values, Bits exponent) {
  const auto bytes = values.bytes;
  const size_t count = bytes.size() / sizeof(Bits);
  constexpr size_t block = 4096;  // small enough to find the culprit, large enough to vectorise
  for (size_t begin = 0; begin < count; begin += block) {
    const size_t end = std::min(begin + block, count);
    Bits carries = 0;  // into the sign, where all bits of an exponent are set
    for (size_t i = begin; i < end; ++i) {
      Bits bits;
      std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));
      carries |= static_cast<Bits>((bits & exponent) + (exponent & -exponent));
    }
    if (carries <= static_cast<Bits>(~Bits{0}) / 2) continue;
    for (size_t i = begin; i < end; ++i) {
      Bits bits;
      std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));
      if ((bits & exponent) == exponent)
        fail(ErrorKind::non_finite, "tensor {}: value {} of {} is NaN or infinite", values.name,
             values.first + i, to_string(values.type));
    }
  }
}

}  // namespace

bool contains(const MappedFile& file, const Tensor& tensor) {
  const auto whole = file.bytes(), part = tensor.bytes();
  return !part.empty() && std::greater_equal<>()(part.data(), whole.data()) &&
         std::less_equal<>()(part.data() + part.size(), whole.data() + whole.size());
}

const Tensor* NamedTensors::find(std::string_view name) const {
  const auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second;
}

const Tensor& NamedTensors::at(std::string_view name) const {
  if (const Tensor* tensor = find(name)) return *tensor;
  if (const auto found = foreign.find(name); found != foreign.end())
    fail(ErrorKind::unsupported,
         "tensor {}: found {}, an element type that is not supported; expected F32, F16, BF16 or "
         "F8_E4M3",
         name, found->second);
  if (const auto found = unusable.find(name); found != unusable.end())
    fail(ErrorKind::bad_file, "tensor {}: found {}, expected a tensor", name, found->second);
  fail(ErrorKind::bad_file, "tensor {}: missing", name);
}

bool NamedTensors::has_prefix(std::string_view prefix) const {
  const auto holds = [prefix](const auto& map) {
    const auto found = map.lower_bound(prefix);
    return found != map.end() && found->first.starts_with(prefix);
  };
  return holds(tensors) || holds(foreign);
}

void NamedTensors::release_pages(const Tensor& tensor) const {
  for (const auto& file : files)
    if (contains(*file, tensor)) return file->release(tensor.bytes());
}

void NamedTensors::check_files_unchanged() const {
  for (const auto& file : files) file->check_unchanged();
}

std::string NamedTensors::file_of(const Tensor& tensor) const {
  for (const auto& file : files)
    if (contains(*file, tensor)) return file->path().string();
  return {};
}

void check_finite(std::string_view name, const Tensor& tensor) {
  check_finite(name, tensor.type(), tensor.bytes(), 0);
}

void check_finite(std::string_view name, const TensorType& type, std::span<const std::byte> values,
                  size_t first) {
  const auto check = [&](std::span<const std::byte> bytes, auto exponent) {
    check_exponents(Values{name, type, bytes, first}, exponent);
  };
  switch (type.dtype) {
    case DType::f16: return check(values, uint16_t{0x7c00});
    case DType::bf16: return check(values, uint16_t{0x7f80});
    case DType::f32: return check(values, uint32_t{0x7f800000});
    // Double values may be finite and still too large for float32, which they become.
    case DType::f64:
    case DType::f8: {
      const auto count = static_cast<int64_t>(values.size() / size_of(type.dtype));
      const Tensor floats = Tensor({type.dtype, {count}}, values.data(), nullptr).to_f32();
      return check(floats.bytes(), uint32_t{0x7f800000});
    }
    default: return;
  }
}

bool checked_bytes(const Shape& shape, DType dtype, uint64_t& bytes) {
  if (shape.size() > 64) return false;
  bytes = size_of(dtype);
  bool empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) return false;
    if (dimension == 0) empty = true;
    // An empty tensor's other dimensions must still multiply without overflow elsewhere.
    else if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes))
      return false;
  }
  if (bytes > uint64_t{1} << 62) return false;
  if (empty) bytes = 0;
  return true;
}

}  // namespace drypoint

#include "tensor/tensor.h"

#include <fmt/ranges.h>

#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/memory.h"
#include "tensor/eight_bits.h"
#include "tensor/halves.h"

namespace drypoint {

int64_t element_count(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::string to_string(const TensorType& type) {
  return fmt::format("{}{}", name(type.dtype), to_string(type.shape));
}

Tensor::Tensor(TensorType type) : type_(std::move(type)), owned_(true) {
  const size_t bytes = type_.bytes();
  if (bytes == 0) return;
  auto block = allocate_block(bytes);
  if (!block)
    fail(ErrorKind::out_of_memory, "{} bytes for a tensor {} cannot be allocated", bytes,
         to_string(type_));
  data_ = block.get();
  keeper_ = std::move(block);
}

Tensor::Tensor(TensorType type, const std::byte* data, std::shared_ptr<const void> keeper)
    : type_(std::move(type)), data_(data), keeper_(std::move(keeper)) {}

std::span<std::byte> Tensor::mutable_bytes() {
  DRYPOINT_EXPECT(owned_, "writing to a borrowed tensor {}", to_string(type_));
  return {const_cast<std::byte*>(data_), type_.bytes()};
}

std::span<const float> Tensor::floats() const {
  DRYPOINT_EXPECT(dtype() == DType::f32, "{} read as f32", to_string(type_));
  return {reinterpret_cast<const float*>(data_), static_cast<size_t>(type_.elements())};
}

std::span<float> Tensor::mutable_floats() {
  DRYPOINT_EXPECT(dtype() == DType::f32, "{} written as f32", to_string(type_));
  return {reinterpret_cast<float*>(mutable_bytes().data()), static_cast<size_t>(type_.elements())};
}

Tensor Tensor::reshaped(Shape shape) const {
  DRYPOINT_EXPECT(element_count(shape) == type_.elements(), "{} reshaped to {}", to_string(type_),
                  to_string(shape));
  Tensor result = *this;
  result.type_.shape = std::move(shape);
  return result;
}

namespace {

template <class T, class Convert>
void convert(std::span<const std::byte> from, std::span<float> to, Convert value_of) {
  for (size_t i = 0; i < to.size(); ++i) {
    T value;  // the source may be unaligned
    std::memcpy(&value, from.data() + i * sizeof(T), sizeof(T));
    to[i] = value_of(value);
  }
}

}  // namespace

bool Tensor::is_f32() const {
  return dtype() == DType::f32 && reinterpret_cast<uintptr_t>(data_) % alignof(float) == 0;
}

Tensor Tensor::to_f32() const {
  if (is_f32()) return *this;
  Tensor result({DType::f32, shape()});
  write_f32(result.mutable_floats());
  return result;
}

void Tensor::write_f32(std::span<float> to) const {
  DRYPOINT_EXPECT(static_cast<int64_t>(to.size()) == type_.elements(), "room for {} of {}",
                  to.size(), to_string(type_));
  const auto by_value = [](auto value) { return static_cast<float>(value); };
  switch (dtype()) {
    case DType::f32: convert<float>(bytes(), to, by_value); break;
    case DType::f64: convert<double>(bytes(), to, by_value); break;
    case DType::f16: halves_to_floats(data_, to); break;
    case DType::bf16:
      convert<uint16_t>(bytes(), to, [](uint16_t b) { return bfloat_to_float(b); });
      break;
    case DType::i64: convert<int64_t>(bytes(), to, by_value); break;
    case DType::i32: convert<int32_t>(bytes(), to, by_value); break;
    case DType::i16: convert<int16_t>(bytes(), to, by_value); break;
    case DType::i8: convert<int8_t>(bytes(), to, by_value); break;
    case DType::u8:
    case DType::boolean: convert<uint8_t>(bytes(), to, by_value); break;
    case DType::f8:
      convert<uint8_t>(bytes(), to, [](uint8_t b) { return from_eight_bits(b, DType::f8); });
      break;
  }
}

Tensor make_tensor(Shape shape, std::span<const float> values) {
  Tensor tensor({DType::f32, std::move(shape)});
  const auto to = tensor.mutable_floats();
  DRYPOINT_EXPECT(to.size() == values.size(), "{} values for {}", values.size(),
                  to_string(tensor.type()));
  std::copy(values.begin(), values.end(), to.begin());
  return tensor;
}

}  // namespace drypoint

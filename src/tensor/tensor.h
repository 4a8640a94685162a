// A tensor: element type, shape and contiguous bytes, owned or borrowed. No arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace drypoint {

using Shape = std::vector<int64_t>;  // outermost dimension first

int64_t element_count(const Shape& shape);
std::string to_string(const Shape& shape);  // "[2, 77, 768]"

/// What a tensor is, apart from its values.
struct TensorType {
  DType dtype = DType::f32;
  Shape shape;

  int64_t elements() const { return element_count(shape); }
  size_t bytes() const { return static_cast<size_t>(elements()) * size_of(dtype); }
  bool operator==(const TensorType&) const = default;
};
std::string to_string(const TensorType& type);  // "f32[2, 77, 768]"

/// A contiguous, row-major tensor in host memory. Copies share the bytes; `keeper` keeps what they
/// lie in alive (a heap block or a mapped file).
class Tensor {
 public:
  Tensor() = default;
  /// Owned, 64-byte aligned, uninitialised. Throws out_of_memory.
  explicit Tensor(TensorType type);
  /// Borrowed from `keeper`, e.g. a mapped file; need not be aligned.
  Tensor(TensorType type, const std::byte* data, std::shared_ptr<const void> keeper);

  const TensorType& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  std::span<const std::byte> bytes() const { return {data_, type_.bytes()}; }
  std::span<std::byte> mutable_bytes();  // only for owned tensors
  bool defined() const { return data_ != nullptr || type_.elements() == 0; }

  /// All values as float32 in a new owned tensor (shared with this one if it is float32 already
  /// and aligned). Integers are converted by value.
  Tensor to_f32() const;
  /// The same, written to where there is room for as many.
  void write_f32(std::span<float> to) const;
  /// Whether `floats` may be asked for.
  bool is_f32() const;
  /// The values of an f32 tensor.
  std::span<const float> floats() const;
  std::span<float> mutable_floats();
  /// Same bytes, other shape with equally many elements.
  Tensor reshaped(Shape shape) const;

 private:
  TensorType type_;
  const std::byte* data_ = nullptr;
  std::shared_ptr<const void> keeper_;
  bool owned_ = false;
};

/// An f32 tensor holding `values`.
Tensor make_tensor(Shape shape, std::span<const float> values);

}  // namespace drypoint

// A weight's values on their way to where it is packed.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace drypoint {

/// f32 values, had some rows of the first dimension at a time: so what they go through (from the
/// file's type, adapters, into a layout) happens in a cache, where whole tensors would go to memory
/// and back each time. For one thread at a time.
class WeightRows {
 public:
  /// Gives the rows from `first` on, as many as fit into `room`: where they are, or written to it.
  using Read = std::function<const float*(int64_t first, std::span<float> room)>;

  /// As it is.
  WeightRows(const Tensor& values);  // NOLINT(google-explicit-constructor)
  WeightRows(Shape shape, Read read) : shape_(std::move(shape)), read_(std::move(read)) {}

  const Shape& shape() const { return shape_; }
  int64_t count() const { return shape_.empty() ? 1 : shape_[0]; }
  size_t row_size() const;
  const float* read(int64_t first, std::span<float> room) const { return read_(first, room); }
  void read_into(int64_t first, std::span<float> rows) const;
  Tensor whole() const;

  WeightRows reshaped(Shape shape) const;

 private:
  Shape shape_;
  Read read_;
  std::optional<Tensor> values_;  // where there are some already
};

/// The rows of one after those of the other; `shape` is that of all.
WeightRows joined(Shape shape, std::vector<WeightRows> parts);

/// Adds to rows of a weight from `first` on what it makes of `original`, the same rows as they were
/// before any change; both may be the same memory.
using RowsChange =
    std::function<void(int64_t first, std::span<float> rows, std::span<const float> original)>;

}  // namespace drypoint

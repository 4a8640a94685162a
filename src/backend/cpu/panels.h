// Weights as products with rows of factors read them: panels of so many columns, whose factors lie
// in groups of 32 bits along the depth: one f32, two bf16, or four i8.
#pragma once

#include <algorithm>
#include <cstddef>

#include "backend/cpu/pack_columns.h"
#include "tensor/dtype.h"

namespace drypoint::cpu {

/// Columns that are packed together: as many as products take at once here.
int64_t panel_width();

/// A panel is [groups, width] groups: of f32 as many as the weight is deep; of bf16 and i8 rounded
/// up to a multiple of 16 with zeros, so that rows are whole tiles of 64 bytes. Of i8 follow two
/// arrays [width]:
///   offsets i32: rows are multiplied as unsigned numbers, 128 larger than they are; an offset,
///     -128 times the sum of the column, takes that back;
///   scales f32: the column is `scale` times its i8 values.
struct Panels {
  DType factors = DType::f32;
  int64_t depth, columns;
  int64_t taps = 1;  // see `Columns`
  int64_t width;

  static constexpr int64_t group_bytes = 4, tile_groups = 16;

  int64_t count() const { return (columns + width - 1) / width; }
  int64_t factor_bytes() const { return static_cast<int64_t>(size_of(factors)); }
  int64_t groups() const;
  /// Of a panel; the offset of its two arrays.
  int64_t bytes() const;
  int64_t tail() const { return groups() * width * group_bytes; }

  int64_t columns_of(int64_t panel) const { return std::min(width, columns - panel * width); }

  /// A panel's columns [columns_of(panel), depth]; `streamed`: see `pack_columns`.
  void pack(const float* own, int64_t panel, std::byte* packed, bool streamed) const;
};

}  // namespace drypoint::cpu

// The ways to multiply rows of factors with panels of a weight, one for each type of factors and
// instruction set that has them.
#pragma once

#include <string_view>
#include <vector>

#include "backend/cpu/panels.h"

namespace drypoint::cpu {

/// sums [panels, rows, width] = or += a [rows, groups] b [panels, groups, width]. Sums are f32, of
/// i8 factors i32, where those of `a` are unsigned, 128 larger than they are (see `Panels`).
struct PanelProduct {
  const std::byte* a;
  int64_t a_stride;  // bytes between rows
  const std::byte* b;
  int64_t b_stride;  // bytes between panels
  std::byte* sums;
  int64_t sums_stride;  // bytes between panels
  int64_t rows, groups, width;
  int64_t columns;  // that are there, so many panels and perhaps a part of one
  bool add = false;

  int64_t panels() const { return (columns + width - 1) / width; }
};

struct Multiplier {
  DType factors;
  std::string_view name;
  /// Rows that are multiplied at once. Rows of `a` and of sums up to the next multiple are memory
  /// that may be read and written.
  int64_t row_step;
  /// The processor multiplies such factors faster than f32.
  bool native;
  void (*multiply)(const PanelProduct& product);
};

/// All that this processor has for such factors, the best first.
std::vector<Multiplier> multipliers(DType factors);

/// What `multipliers` is made of: for the instruction set that our vector code runs with; with
/// vectors of 512 or 256 bits; in tiles.
Multiplier plain_multiplier(DType factors);
std::vector<Multiplier> vector_multipliers(DType factors);
std::vector<Multiplier> tile_multipliers(DType factors);
/// The tile instructions in plain code, for tests.
Multiplier tile_model(DType factors);

}  // namespace drypoint::cpu

// Weights as products read them.
#pragma once

#include <cstdint>

namespace drypoint::cpu {

/// A weight [columns, depth]. Where it is a convolution's, [columns, channels, taps], it is packed
/// with the taps before the channels, as pictures have them.
struct Columns {
  const float* values;
  int64_t depth, count;
  int64_t taps = 1;
};

/// Packs to [blocks, depth, width], with zeros for the columns that the last block lacks.
/// `streamed`: to memory aligned to 16 bytes that is not read soon.
void pack_columns(const Columns& columns, int64_t width, float* packed, bool streamed);

}  // namespace drypoint::cpu

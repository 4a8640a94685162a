#include "backend/cuda/gemm_packing.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "tensor/eight_bits.h"
#include "tensor/halves.h"

namespace drypoint::cuda {
namespace {

constexpr int64_t scale_bytes = 32;  // a sector

/// Of an upsampled image's pixels (2 y + odd) the 3 taps see 2 pixels of the picture: tap `tap` the
/// one of this number. Both numbers count from the first that is seen.
int halved_tap(int odd, int tap) { return (odd + tap + 1) / 2 - odd; }

/// A filter [channels, 3 x 3] of an upsampled image -> four [channels, 2 x 2] of the picture
/// itself.
std::array<std::vector<float>, 4> halved(const float* filter, int64_t channels) {
  std::array<std::vector<float>, 4> sets;
  for (int set = 0; set < 4; ++set) {
    sets[set].resize(channels * 4);
    for (int64_t c = 0; c < channels; ++c)
      for (int tap = 0; tap < 9; ++tap)
        sets[set][c * 4 + halved_tap(set / 2, tap / 3) * 2 + halved_tap(set % 2, tap % 3)] +=
            filter[c * 9 + tap];
  }
  return sets;
}

/// A row of values as `dtype`.
void write_row(DType dtype, std::span<const float> values, std::byte* to) {
  const auto write = [&](const auto& convert) {
    using T = decltype(convert(0.0f));
    std::transform(values.begin(), values.end(), reinterpret_cast<T*>(to), convert);
  };
  switch (dtype) {
    case DType::f16: return floats_to_halves(values, reinterpret_cast<uint16_t*>(to));
    case DType::bf16: return write(float_to_bfloat);
    case DType::f32: return write([](float value) { return value; });
    default: break;
  }
  const float scale = scale_of(values, dtype);
  write([&](float value) { return to_eight_bits(value / scale, dtype); });
  std::memset(to + values.size(), 0, scale_bytes);
  std::memcpy(to + values.size(), &scale, sizeof scale);
}

}  // namespace

int64_t packed_pitch(const GemmShape& shape, DType dtype) {
  return int64_t{shape.depth()} * static_cast<int64_t>(size_of(dtype)) +
         (is_eight_bits(dtype) ? scale_bytes : 0);
}

void pack_weight(const GemmShape& shape, DType dtype, const WeightRows& weight, std::byte* packed) {
  const int64_t taps = shape.taps(), channels = shape.channels, columns = shape.columns;
  const int64_t pitch = packed_pitch(shape, dtype);
  const int64_t tap_pitch = shape.gathered() ? channels : shape.channels_of_tap();
  std::vector<float> in_order(shape.depth());
  const bool is_in_order = taps == 1 && !shape.is_concat() && channels == shape.depth();
  const auto pack_row = [&](const float* source, std::byte* to) {
    if (is_in_order) return write_row(dtype, {source, static_cast<size_t>(channels)}, to);
    std::ranges::fill(in_order, 0.0f);
    float* target = in_order.data();
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c = 0; c < channels; ++c) target[tap * tap_pitch + c] = source[c * taps + tap];
    source += channels * taps, target += taps * tap_pitch;
    for (const int size : shape.rest) {
      std::copy_n(source, size, target);
      source += size, target += GemmShape::padded(size);
    }
    write_row(dtype, in_order, to);
  };
  const auto pack = [&](int64_t row, const float* source) {
    if (shape.upsample) {
      const auto sets = halved(source, channels);
      for (int64_t set = 0; set < 4; ++set)
        pack_row(sets[set].data(), packed + (set * columns + row) * pitch);
    } else {
      const int local = packed_row(static_cast<int>(row % columns), shape.columns, shape.gated);
      pack_row(source, packed + (row - row % columns + local) * pitch);
    }
  };
  // Some rows at a time, that stay in a cache from where they are read to where they are packed.
  constexpr size_t room_size = 1 << 16;
  const size_t row_size = weight.row_size();
  std::vector<float> room(std::max(room_size, row_size));
  const auto step = static_cast<int64_t>(room.size() / row_size);
  for (int64_t first = 0; first < weight.count(); first += step) {
    const int64_t count = std::min(step, weight.count() - first);
    const float* from = weight.read(first, std::span(room).first(count * row_size));
    for (int64_t i = 0; i < count; ++i) pack(first + i, from + i * row_size);
  }
}

}  // namespace drypoint::cuda

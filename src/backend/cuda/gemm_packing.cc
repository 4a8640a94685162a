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

void pack_weight(const GemmShape& shape, DType dtype, const Tensor& weight, std::byte* packed) {
  const Tensor values = weight.to_f32();
  const float* from = values.floats().data();
  const int64_t taps = shape.taps(), channels = shape.channels;
  const int64_t pitch = packed_pitch(shape, dtype);
  const int64_t row_size = channels * taps + shape.rest[0] + shape.rest[1];
  const int64_t rows = shape.upsample ? shape.columns : values.type().elements() / row_size;
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
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t group = row / shape.columns;
    const int local =
        unpacked_row(static_cast<int>(row % shape.columns), shape.columns, shape.gated);
    if (shape.upsample) {
      const auto sets = halved(from + row * channels * 9, channels);
      for (int64_t set = 0; set < 4; ++set)
        pack_row(sets[set].data(), packed + (set * shape.columns + row) * pitch);
    } else {
      pack_row(from + (group * shape.columns + local) * row_size, packed + row * pitch);
    }
  }
}

}  // namespace drypoint::cuda

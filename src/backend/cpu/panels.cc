#include "backend/cpu/panels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/eight_bits.h"

namespace drypoint::cpu {
namespace {

/// Where the factor at depth `k` of a column is, in factors, if `together` make a group.
int64_t place(const Panels& panels, int64_t k, int64_t column, int64_t together) {
  return (k / together * panels.width + column) * together + k % together;
}

void pack_bf16(const Panels& panels, const float* columns, std::byte* packed) {
  auto* to = reinterpret_cast<uint16_t*>(packed);
  for (int64_t k = 0; k < panels.depth; ++k)
    for (int64_t c = 0; c < panels.width; ++c)
      to[place(panels, k, c, 2)] = float_to_bfloat(columns[k * panels.width + c]);
}

void pack_i8(const Panels& panels, const float* columns, std::byte* packed) {
  const int64_t width = panels.width;
  std::vector<float> scales(static_cast<size_t>(width));
  for (int64_t k = 0; k < panels.depth; ++k)
    for (int64_t c = 0; c < width; ++c)
      scales[c] = std::max(scales[c], std::abs(columns[k * width + c]));
  for (float& scale : scales) scale = scale_of(scale, DType::i8);
  std::vector<int32_t> offsets(static_cast<size_t>(width));
  for (int64_t k = 0; k < panels.depth; ++k)
    for (int64_t c = 0; c < width; ++c) {
      const uint8_t factor = to_eight_bits(columns[k * width + c] / scales[c], DType::i8);
      packed[place(panels, k, c, 4)] = std::byte{factor};
      offsets[c] -= 128 * static_cast<int8_t>(factor);
    }
  const auto bytes = static_cast<size_t>(width * Panels::group_bytes);
  std::memcpy(packed + panels.tail(), offsets.data(), bytes);
  std::memcpy(packed + panels.tail() + bytes, scales.data(), bytes);
}

}  // namespace

int64_t Panels::groups() const {
  if (factors == DType::f32) return depth;
  const int64_t tile = tile_groups * group_bytes;
  return (depth * factor_bytes() + tile - 1) / tile * tile_groups;
}

int64_t Panels::bytes() const { return tail() + (factors == DType::i8 ? 2 : 0) * width * 4; }

void Panels::pack(const float* own, int64_t panel, std::byte* packed, bool streamed) const {
  const Columns all{own, depth, columns_of(panel), taps};
  if (factors == DType::f32)
    return pack_columns(all, width, reinterpret_cast<float*>(packed), streamed);
  std::vector<float> plain(static_cast<size_t>(depth * width));
  pack_columns(all, width, plain.data(), false);
  std::memset(packed, 0, static_cast<size_t>(tail()));
  if (factors == DType::bf16) return pack_bf16(*this, plain.data(), packed);
  pack_i8(*this, plain.data(), packed);
}

}  // namespace drypoint::cpu

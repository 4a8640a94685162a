#include "checkpoint/ggml_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tensor/dtype.h"

namespace drypoint {
namespace {

uint8_t byte_at(const std::byte* p, size_t i) { return std::to_integer<uint8_t>(p[i]); }

float half_at(const std::byte* p) {
  uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return half_to_float(bits);
}

/// 32 numbers of 4 or 5 bits: nibbles, the second half's above the first's, and fifth bits.
template <bool fifth, bool has_minimum>
void decode_nibbles(const std::byte* block, float* y) {
  const float scale = half_at(block);
  const float minimum = has_minimum ? half_at(block + 2) : 0;
  block += has_minimum ? 4 : 2;
  uint32_t high = 0;
  if (fifth) std::memcpy(&high, block, sizeof high), block += sizeof high;
  constexpr int offset = has_minimum ? 0 : fifth ? 16 : 8;
  for (int i = 0; i < 16; ++i) {
    const int low_bits = byte_at(block, static_cast<size_t>(i)) & 15,
              high_bits = byte_at(block, static_cast<size_t>(i)) >> 4;
    const int first = low_bits | static_cast<int>(high >> i & 1) << 4,
              second = high_bits | static_cast<int>(high >> (i + 16) & 1) << 4;
    y[i] = static_cast<float>(first - offset) * scale + minimum;
    y[i + 16] = static_cast<float>(second - offset) * scale + minimum;
  }
}

void decode_q8_0(const std::byte* block, float* y) {
  const float scale = half_at(block);
  for (size_t i = 0; i < 32; ++i)
    y[i] = static_cast<float>(static_cast<int8_t>(byte_at(block, 2 + i))) * scale;
}

/// Scale and minimum number i of eight, of six bits each in 12 bytes.
std::array<float, 2> scale_and_minimum(const std::byte* packed, size_t i) {
  const auto at = [&](size_t j) { return byte_at(packed, j); };
  if (i < 4) return {static_cast<float>(at(i) & 63), static_cast<float>(at(i + 4) & 63)};
  return {static_cast<float>((at(i + 4) & 15) | (at(i - 4) >> 6) << 4),
          static_cast<float>((at(i + 4) >> 4) | (at(i) >> 6) << 4)};
}

/// 256 numbers of 4 or 5 bits in eight groups with a scale and a minimum each.
template <bool fifth>
void decode_k(const std::byte* block, float* y) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  const std::byte* packed = block + 4;
  const std::byte* high = packed + 12;
  const std::byte* low = fifth ? high + 32 : high;
  for (size_t group = 0; group < 8; ++group, y += 32) {
    const auto [s, m] = scale_and_minimum(packed, group);
    for (size_t i = 0; i < 32; ++i) {
      int value = byte_at(low, group / 2 * 32 + i) >> (group % 2 * 4) & 15;
      if (fifth) value |= (byte_at(high, i) >> group & 1) << 4;
      y[i] = scale * s * static_cast<float>(value) - minimum * m;
    }
  }
}

/// 256 numbers of 6 bits in sixteen groups with a scale each.
void decode_q6_k(const std::byte* block, float* y) {
  const float scale = half_at(block + 208);
  for (size_t half = 0; half < 2; ++half) {
    const std::byte *low = block + half * 64, *high = block + 128 + half * 32,
                    *scales = block + 192 + half * 8;
    for (size_t quarter = 0; quarter < 4; ++quarter)
      for (size_t i = 0; i < 32; ++i) {
        const int four = byte_at(low, quarter % 2 * 32 + i) >> (quarter / 2 * 4) & 15,
                  two = byte_at(high, i) >> (2 * quarter) & 3;
        const auto own = static_cast<int8_t>(byte_at(scales, 2 * quarter + i / 16));
        *y++ = scale * static_cast<float>(own) * static_cast<float>((four | two << 4) - 32);
      }
  }
}

constexpr GgmlType types[] = {{2, "Q4_0", 32, 18, decode_nibbles<false, false>},
                              {3, "Q4_1", 32, 20, decode_nibbles<false, true>},
                              {6, "Q5_0", 32, 22, decode_nibbles<true, false>},
                              {7, "Q5_1", 32, 24, decode_nibbles<true, true>},
                              {8, "Q8_0", 32, 34, decode_q8_0},
                              {12, "Q4_K", 256, 144, decode_k<false>},
                              {13, "Q5_K", 256, 176, decode_k<true>},
                              {14, "Q6_K", 256, 210, decode_q6_k}};

constexpr std::string_view names[] = {
    "F32",     "F16",    "Q4_0",    "Q4_1",  "",       "",      "Q5_0",  "Q5_1",
    "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
    "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
    "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16"};

}  // namespace

const GgmlType* ggml_block_type(uint32_t number) {
  const auto found = std::ranges::find(types, number, &GgmlType::number);
  return found == std::end(types) ? nullptr : found;
}

std::string_view ggml_name(uint32_t number) {
  const bool is_known = number < std::size(names) && !names[number].empty();
  return is_known ? names[number] : "an unknown type";
}

}  // namespace drypoint

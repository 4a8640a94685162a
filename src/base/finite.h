// Whether numbers are numbers.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace drypoint {

inline bool all_finite(std::span<const float> values) {
  bool all = true;  // without an end before the last, so that this becomes vector code
  for (const float value : values)
    all &= (std::bit_cast<uint32_t>(value) & 0x7f800000u) != 0x7f800000u;
  return all;
}

}  // namespace drypoint

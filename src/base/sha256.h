// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace drypoint {

class Sha256 {
 public:
  void update(std::span<const std::byte> bytes);
  /// Of all bytes so far, as 64 digits; nothing may follow.
  std::string hex();

 private:
  void take(const std::byte* block);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> waiting_{};
  uint64_t length_ = 0;  // in bytes
};

}  // namespace drypoint

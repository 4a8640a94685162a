// A hash that is the same in every run and on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace drypoint {

/// FNV-1a of 64 bits over what is added, each text with its length, so that no two lists of texts
/// run together.
class ContentHash {
 public:
  ContentHash& add(uint64_t number) {
    for (int i = 0; i < 8; ++i) add_byte(static_cast<uint8_t>(number >> (8 * i)));
    return *this;
  }
  ContentHash& add(std::string_view text) {
    add(uint64_t{text.size()});
    for (const char c : text) add_byte(static_cast<uint8_t>(c));
    return *this;
  }
  uint64_t value() const { return value_; }

 private:
  void add_byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }

  uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace drypoint

#include "export/protobuf.h"

#include <bit>

namespace drypoint::protobuf {

void Message::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

void Message::key(int field, int wire_type) {
  varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
}

void Message::integer(int field, int64_t value) {
  key(field, 0);
  varint(static_cast<uint64_t>(value));
}

void Message::number(int field, float value) {
  key(field, 5);
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift);
}

void Message::text(int field, std::string_view value) {
  key(field, 2);
  varint(value.size());
  bytes_ += value;
}

}  // namespace drypoint::protobuf

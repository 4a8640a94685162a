// Writing Protocol Buffers (https://protobuf.dev/programming-guides/encoding), as far as ONNX needs
// them: a message is its fields' bytes one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace drypoint::protobuf {

class Message {
 public:
  void integer(int field, int64_t value);
  void number(int field, float value);
  void text(int field, std::string_view value);  // strings and bytes
  void message(int field, const Message& value) { text(field, value.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type);
  void varint(uint64_t value);
  std::string bytes_;
};

}  // namespace drypoint::protobuf
